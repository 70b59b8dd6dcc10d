import { Controller, Get, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { OpsGuard, Variables } from '#libs/service';
import { pathOf, SummaryView } from './order.views.js';
import { StuckOrders } from './stuck-orders.js';
import type { OrderVariables } from './variables.js';

const StuckQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(1_000).default(100) });

const StuckView = z.object({
  deadlineMs: z.int(),
  /** There are others. */
  more: z.boolean(),
  orders: z.array(
    SummaryView.pick({ orderId: true, status: true, reason: true, placedAt: true, links: true }).extend({
      ageMs: z.int(),
      waitsFor: z.object({ service: z.string(), events: z.array(z.string()), after: z.string() }),
    }),
  ),
});

@ApiTags('operations')
@ApiBearerAuth()
@UseGuards(OpsGuard)
@Controller('ops/stuck-orders')
export class StuckOrdersController {
  constructor(
    private readonly stuck: StuckOrders,
    @Variables() private readonly variables: OrderVariables,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Orders past their deadline and not settled, oldest first, and what each waits for' })
  @ApiResponse({ status: 200, standardSchema: StuckView })
  async list(
    @Query({ schema: StuckQuery }) { limit }: z.output<typeof StuckQuery>,
  ): Promise<z.output<typeof StuckView>> {
    const found = await this.stuck.list(limit + 1);
    return {
      deadlineMs: this.variables.ORDER_DEADLINE_MS,
      more: found.length > limit,
      orders: found.slice(0, limit).map(({ orderId, status, reason, placedAt, ageMs, waitsFor }) => ({
        orderId,
        status,
        ...(reason ? { reason } : {}),
        placedAt: placedAt.toISOString(),
        ageMs: Math.round(ageMs),
        waitsFor: { ...waitsFor, events: [...waitsFor.events] },
        links: { self: pathOf(orderId) },
      })),
    };
  }
}
