import type { EntityManager } from 'typeorm';
import {
  InventoryRejected,
  InventoryReleased,
  InventoryReserved,
  OrderPlaced,
  PaymentDeclined,
  PaymentRefunded,
  ShipmentCreated,
  type Envelope,
} from '#libs/contracts';
import { On, Reactions } from '#libs/messaging';
import { Stock } from './stock.store.js';

@Reactions({ service: 'inventory' })
export class InventoryReactions {
  constructor(private readonly stock: Stock) {}

  /** Also states InventoryReleased, where it had heard before that the goods are not wanted any more. */
  @On(OrderPlaced, { emits: [InventoryReserved, InventoryRejected, InventoryReleased] })
  reserve(order: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    return this.stock.reserve(order.data, tx);
  }

  @On(PaymentDeclined, { emits: [InventoryReleased] })
  giveBack(declined: Envelope<typeof PaymentDeclined>, tx: EntityManager) {
    return this.stock.release(declined.data.orderId, tx);
  }

  @On(PaymentRefunded, { emits: [InventoryReleased] })
  giveBackUndeliverable(refunded: Envelope<typeof PaymentRefunded>, tx: EntityManager) {
    return this.stock.release(refunded.data.orderId, tx);
  }

  @On(ShipmentCreated)
  async goodsAreGone(shipment: Envelope<typeof ShipmentCreated>, tx: EntityManager) {
    await this.stock.ship(shipment.data.orderId, tx);
  }
}
