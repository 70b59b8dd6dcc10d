import { Controller, Get, Param } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Problem } from '#libs/service';
import { STATUSES, statusOf } from './payment.js';
import { Payments } from './payment.store.js';

const OrderId = z.uuid();
const PaymentView = z.object({
  orderId: OrderId,
  status: z.enum(STATUSES),
  amountCents: z.int().optional(),
  chargeId: z.string().optional(),
  declineCode: z.string().optional(),
  refundId: z.string().optional(),
});

@ApiTags('payments')
@Controller('payments')
export class PaymentController {
  constructor(
    private readonly payments: Payments,
    private readonly database: EntityManager,
  ) {}

  @Get(':orderId')
  @ApiResponse({ status: 200, standardSchema: PaymentView })
  async show(@Param('orderId', { schema: OrderId }) orderId: string): Promise<z.output<typeof PaymentView>> {
    const facts = await this.payments.find(orderId, this.database);
    if (!facts) {
      throw new Problem({
        status: 404,
        type: 'unknown-order',
        title: 'Nothing is known of this order',
        detail: `no payment of order ${orderId} has been heard of`,
      });
    }
    const { stockReserved: _, undeliverable: __, chargeAsked: ___, ...shown } = facts;
    return { orderId, status: statusOf(facts), ...shown };
  }
}
