import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { ProductsView } from './order.views.js';
import { products } from './products.js';

@ApiTags('products')
@Controller('products')
export class ProductsController {
  @Get()
  @ApiOperation({ summary: 'All that is sold' })
  @ApiResponse({ status: 200, standardSchema: ProductsView })
  list(): z.output<typeof ProductsView> {
    return { products: products.map((product) => ({ ...product })) };
  }
}
