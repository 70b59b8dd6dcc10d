import { Controller, Get, Param } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Problem } from '#libs/service';
import { STATUSES, statusOf } from './shipment.js';
import { Shipments } from './shipping.store.js';

const OrderId = z.uuid();
const ShipmentView = z.object({
  orderId: OrderId,
  status: z.enum(STATUSES),
  country: z.string().optional(),
  shipmentId: z.uuid().optional(),
  carrier: z.string().optional(),
  trackingNumber: z.string().optional(),
});

@ApiTags('shipments')
@Controller('shipments')
export class ShippingController {
  constructor(
    private readonly shipments: Shipments,
    private readonly database: EntityManager,
  ) {}

  @Get(':orderId')
  @ApiResponse({ status: 200, standardSchema: ShipmentView })
  async show(@Param('orderId', { schema: OrderId }) orderId: string): Promise<z.output<typeof ShipmentView>> {
    const facts = await this.shipments.find(orderId, this.database);
    if (!facts) {
      throw new Problem({
        status: 404,
        type: 'unknown-order',
        title: 'Nothing is known of this order',
        detail: `no shipment of order ${orderId} has been heard of`,
      });
    }
    const { address, booking } = facts;
    return { orderId, status: statusOf(facts), ...(address ? { country: address.country } : {}), ...booking };
  }
}
