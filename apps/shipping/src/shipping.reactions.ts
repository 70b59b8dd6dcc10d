import type { EntityManager } from 'typeorm';
import { OrderPlaced, PaymentCharged, ShipmentCreated, ShipmentRejected, type Envelope } from '#libs/contracts';
import { On, Reactions } from '#libs/messaging';
import { Shipments } from './shipping.store.js';

@Reactions({ service: 'shipping' })
export class ShippingReactions {
  constructor(private readonly shipments: Shipments) {}

  @On(OrderPlaced, { emits: [ShipmentCreated, ShipmentRejected], canWait: true })
  remember(order: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    return this.shipments.remember(order.data, tx);
  }

  @On(PaymentCharged, { emits: [ShipmentCreated, ShipmentRejected] })
  isPaid(charged: Envelope<typeof PaymentCharged>, tx: EntityManager) {
    return this.shipments.isPaid(charged.data.orderId, tx);
  }
}
