import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import {
  ChargePayment,
  PaymentCharged,
  PaymentDeclined,
  PaymentRefunded,
  RefundPayment,
  type DataOf,
  type OrderPlaced,
} from '#libs/contracts';
import { send } from '#libs/outbox';
import type { Facts } from './payment.js';
import type { Answer } from './provider.js';

interface Row {
  amount_cents: string | null;
  stock_reserved: boolean;
  undeliverable: boolean;
  charge_asked: boolean;
  charge_id: string | null;
  decline_code: string | null;
  refund_id: string | null;
}

/** One row per order, begun by whichever fact came first. */
@Injectable()
export class Payments {
  async remember({ orderId, totalCents, paymentToken }: DataOf<typeof OrderPlaced>, tx: EntityManager) {
    await send(
      tx,
      `insert into payment (order_id, amount_cents, token) values ($1, $2, $3)
       on conflict (order_id) do update set amount_cents = excluded.amount_cents, token = excluded.token
       where payment.amount_cents is null`,
      [orderId, totalCents, paymentToken],
    );
    return this.chargeIfReady(orderId, tx);
  }

  async stockIsReserved(orderId: string, tx: EntityManager) {
    await send(
      tx,
      `insert into payment (order_id, stock_reserved) values ($1, true)
       on conflict (order_id) do update set stock_reserved = true`,
      [orderId],
    );
    return this.chargeIfReady(orderId, tx);
  }

  async isUndeliverable(orderId: string, tx: EntityManager) {
    await send(
      tx,
      `insert into payment (order_id, undeliverable) values ($1, true)
       on conflict (order_id) do update set undeliverable = true`,
      [orderId],
    );
    return this.refundIfReady(orderId, tx);
  }

  /** Forgets the token: it has served its purpose. */
  async recordCharge({ orderId, amountCents }: DataOf<typeof ChargePayment>, answer: Answer, tx: EntityManager) {
    const { chargeId, code } = answer.status === 'charged' ? { ...answer, code: null } : { ...answer, chargeId: null };
    const [[row]]: [{ undeliverable: boolean }[], number] = await tx.query(
      'update payment set charge_id = $2, decline_code = $3, token = null where order_id = $1 returning undeliverable',
      [orderId, chargeId, code],
    );
    if (answer.status === 'declined') return [PaymentDeclined({ orderId, code: answer.code })];
    const charged = PaymentCharged({ orderId, chargeId: answer.chargeId, amountCents });
    return row?.undeliverable ? [charged, ...(await this.refundIfReady(orderId, tx))] : [charged];
  }

  async recordRefund(
    { orderId, chargeId, amountCents }: DataOf<typeof RefundPayment>,
    refundId: string,
    tx: EntityManager,
  ) {
    await send(tx, 'update payment set refund_id = $2 where order_id = $1', [orderId, refundId]);
    return PaymentRefunded({ orderId, chargeId, refundId, amountCents });
  }

  async find(orderId: string, tx: EntityManager): Promise<Facts | undefined> {
    const [row]: Row[] = await tx.query(
      `select amount_cents, stock_reserved, undeliverable, charge_asked, charge_id, decline_code, refund_id
       from payment where order_id = $1`,
      [orderId],
    );
    return row && factsOf(row);
  }

  /** Asks for the charge once, when it is known both what is owed and that stock is reserved. */
  private async chargeIfReady(orderId: string, tx: EntityManager) {
    const [rows]: [{ amount_cents: string; token: string }[], number] = await tx.query(
      `update payment set charge_asked = true
       where order_id = $1 and stock_reserved and amount_cents is not null and not charge_asked
       returning amount_cents, token`,
      [orderId],
    );
    return rows.map((row) =>
      ChargePayment({ orderId, amountCents: Number(row.amount_cents), paymentToken: row.token }),
    );
  }

  /** Asks for the refund once, when it is known both what was charged and that the order cannot be delivered. */
  private async refundIfReady(orderId: string, tx: EntityManager) {
    const [rows]: [{ amount_cents: string; charge_id: string }[], number] = await tx.query(
      `update payment set refund_asked = true
       where order_id = $1 and undeliverable and charge_id is not null and not refund_asked
       returning amount_cents, charge_id`,
      [orderId],
    );
    return rows.map((row) =>
      RefundPayment({ orderId, chargeId: row.charge_id, amountCents: Number(row.amount_cents) }),
    );
  }
}

function factsOf(row: Row): Facts {
  return {
    ...(row.amount_cents === null ? {} : { amountCents: Number(row.amount_cents) }),
    stockReserved: row.stock_reserved,
    undeliverable: row.undeliverable,
    chargeAsked: row.charge_asked,
    ...(row.charge_id === null ? {} : { chargeId: row.charge_id }),
    ...(row.decline_code === null ? {} : { declineCode: row.decline_code }),
    ...(row.refund_id === null ? {} : { refundId: row.refund_id }),
  };
}
