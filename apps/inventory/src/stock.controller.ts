import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Problem } from '#libs/service';
import { availableOf, type Level } from './stock.js';
import { Stock } from './stock.store.js';

const Sku = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a sku is up to 64 of a–z, 0–9 and "-"');
const Pieces = z.int().min(0).max(1_000_000_000);
const Count = z.strictObject({ onHand: Pieces });
const StockView = z.object({ sku: Sku, onHand: Pieces, reserved: Pieces, available: Pieces });
type StockView = z.output<typeof StockView>;

@ApiTags('stock')
@Controller('stock')
export class StockController {
  constructor(
    private readonly stock: Stock,
    private readonly database: EntityManager,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Every product' })
  @ApiResponse({ status: 200, standardSchema: z.array(StockView) })
  async list(): Promise<StockView[]> {
    return (await this.stock.all(this.database)).map(viewOf);
  }

  @Get(':sku')
  @ApiOperation({ summary: 'One product' })
  @ApiResponse({ status: 200, standardSchema: StockView })
  @ApiResponse({ status: 404, description: 'Nothing by that sku was ever counted' })
  async show(@Param('sku', { schema: Sku }) sku: string): Promise<StockView> {
    const level = await this.stock.find(sku, this.database);
    if (!level) {
      throw new Problem({
        status: 404,
        type: 'unknown-sku',
        title: 'No such product',
        detail: `there is no product "${sku}"; GET /stock lists them`,
      });
    }
    return viewOf(level);
  }

  @Put(':sku')
  @ApiOperation({ summary: 'Sets what is on hand, as after a count of the shelves; begins a product that was unknown' })
  @ApiResponse({ status: 200, standardSchema: StockView })
  @ApiResponse({ status: 409, description: 'More than that is reserved' })
  async count(
    @Param('sku', { schema: Sku }) sku: string,
    @Body({ schema: Count }) { onHand }: z.output<typeof Count>,
  ): Promise<StockView> {
    const level = await this.stock.count(sku, onHand, this.database);
    if (!level) {
      const message = `more than ${onHand} pieces of ${sku} are reserved for orders`;
      throw new Problem({
        status: 409,
        type: 'below-reserved',
        title: 'What is reserved has to be on hand',
        detail: message,
        errors: [{ field: 'onHand', message }],
      });
    }
    return viewOf(level);
  }
}

function viewOf(level: Level): StockView {
  return { ...level, available: availableOf(level) };
}
