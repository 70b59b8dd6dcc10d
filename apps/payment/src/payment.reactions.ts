import type { EntityManager } from 'typeorm';
import {
  ChargePayment,
  InventoryReserved,
  OrderPlaced,
  PaymentCharged,
  PaymentDeclined,
  PaymentRefunded,
  RefundPayment,
  ShipmentRejected,
  type Command,
  type Envelope,
} from '#libs/contracts';
import { Does, On, Reactions } from '#libs/messaging';
import { Payments } from './payment.store.js';
import { Provider } from './provider.js';

/** Sits out an outage of some ten minutes; after that somebody has to look, and replays. */
const retry = { attempts: 50, baseMs: 200, capMs: 30_000 };

@Reactions({ service: 'payment' })
export class PaymentReactions {
  constructor(
    private readonly payments: Payments,
    private readonly provider: Provider,
  ) {}

  @On(OrderPlaced, { emits: [ChargePayment], canWait: true })
  remember(order: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    return this.payments.remember(order.data, tx);
  }

  @On(InventoryReserved, { emits: [ChargePayment] })
  stockIsReserved(reserved: Envelope<typeof InventoryReserved>, tx: EntityManager) {
    return this.payments.stockIsReserved(reserved.data.orderId, tx);
  }

  @Does(ChargePayment, { emits: [PaymentCharged, PaymentDeclined, RefundPayment], retry })
  async charge(command: Command<typeof ChargePayment>) {
    const answer = await this.provider.charge({ ...command.data, idempotencyKey: command.id });
    return (tx: EntityManager) => this.payments.recordCharge(command.data, answer, tx);
  }

  @On(ShipmentRejected, { emits: [RefundPayment] })
  giveBack(rejected: Envelope<typeof ShipmentRejected>, tx: EntityManager) {
    return this.payments.isUndeliverable(rejected.data.orderId, tx);
  }

  @Does(RefundPayment, { emits: [PaymentRefunded], retry })
  async refund(command: Command<typeof RefundPayment>) {
    const refundId = await this.provider.refund({ ...command.data, idempotencyKey: command.id });
    return (tx: EntityManager) => this.payments.recordRefund(command.data, refundId, tx);
  }
}
