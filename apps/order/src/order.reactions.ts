import type { EntityManager } from 'typeorm';
import {
  InventoryRejected,
  InventoryReleased,
  InventoryReserved,
  NotificationSent,
  OrderCancelled,
  OrderCompleted,
  OrderPlaced,
  PaymentCharged,
  PaymentDeclined,
  PaymentRefunded,
  ShipmentCreated,
  ShipmentRejected,
  type Envelope,
} from '#libs/contracts';
import { On, Reactions } from '#libs/messaging';
import { Outcomes } from './outcomes.js';

/** The order begins with a request (place-order.ts); from then on this service only listens, and says how it ended. */
@Reactions({ service: 'order', states: [OrderPlaced] })
export class OrderReactions {
  constructor(private readonly outcomes: Outcomes) {}

  @On(InventoryReserved)
  stockIsReserved(reserved: Envelope<typeof InventoryReserved>, tx: EntityManager) {
    return this.outcomes.note(reserved, tx);
  }

  @On(InventoryRejected, { emits: [OrderCancelled] })
  outOfStock(rejected: Envelope<typeof InventoryRejected>, tx: EntityManager) {
    return this.outcomes.cancel(rejected, tx, rejected.data.missing.map(({ sku }) => sku).join(', '));
  }

  @On(PaymentCharged)
  isPaid(charged: Envelope<typeof PaymentCharged>, tx: EntityManager) {
    return this.outcomes.note(charged, tx);
  }

  @On(PaymentDeclined, { emits: [OrderCancelled] })
  isNotPaid(declined: Envelope<typeof PaymentDeclined>, tx: EntityManager) {
    return this.outcomes.cancel(declined, tx, declined.data.code);
  }

  @On(ShipmentCreated, { emits: [OrderCompleted] })
  isShipped(shipment: Envelope<typeof ShipmentCreated>, tx: EntityManager) {
    return this.outcomes.complete(shipment, tx, `${shipment.data.carrier} ${shipment.data.trackingNumber}`);
  }

  @On(ShipmentRejected, { emits: [OrderCancelled] })
  isUndeliverable(rejected: Envelope<typeof ShipmentRejected>, tx: EntityManager) {
    return this.outcomes.cancel(rejected, tx, rejected.data.country);
  }

  @On(PaymentRefunded)
  isRefunded(refunded: Envelope<typeof PaymentRefunded>, tx: EntityManager) {
    return this.outcomes.note(refunded, tx);
  }

  @On(InventoryReleased)
  goodsAreBack(released: Envelope<typeof InventoryReleased>, tx: EntityManager) {
    return this.outcomes.note(released, tx);
  }

  @On(NotificationSent)
  customerIsTold(sent: Envelope<typeof NotificationSent>, tx: EntityManager) {
    return this.outcomes.note(sent, tx, sent.data.kind);
  }
}
