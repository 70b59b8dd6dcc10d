import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import {
  NotificationSent,
  SendEmail,
  type Customer,
  type DataOf,
  type LetterKind,
  type OrderCancelled,
  type OrderPlaced,
  type ShipmentCreated,
} from '#libs/contracts';
import { send } from '#libs/outbox';
import { letterOfCancellation, letterOfOrder, letterOfShipment, type Letter, type Shipment } from './letters.js';

/** What is known of an order, and which letters about it have been asked for. */
interface Row {
  customer: Customer | null;
  shipment: Shipment | null;
  asked: LetterKind[];
}

export interface Notification {
  readonly kind: LetterKind;
  readonly status: 'pending' | 'sent';
  readonly messageId?: string;
  readonly sentAt?: string;
}

const COLUMNS = 'customer, shipment, asked';

/** One row per order, begun by whichever fact came first; one row per letter that was sent. */
@Injectable()
export class Notifications {
  async orderIsPlaced(order: DataOf<typeof OrderPlaced>, tx: EntityManager) {
    const { orderId, customer } = order;
    const [row]: Row[] = await tx.query(
      `insert into correspondence as known (order_id, customer) values ($1, $2)
       on conflict (order_id) do update set customer = coalesce(known.customer, excluded.customer)
       returning ${COLUMNS}`,
      [orderId, JSON.stringify(customer)],
    );
    const shipped = row!.shipment ? [letterOfShipment(orderId, customer, row!.shipment)] : [];
    return this.ask(orderId, row!, [letterOfOrder(order), ...shipped], tx);
  }

  /** Says nothing of the customer: when the order is not known yet, the letter waits for it. */
  async parcelIsOnItsWay({ orderId, carrier, trackingNumber }: DataOf<typeof ShipmentCreated>, tx: EntityManager) {
    const shipment: Shipment = { carrier, trackingNumber };
    const [row]: Row[] = await tx.query(
      `insert into correspondence as known (order_id, shipment) values ($1, $2)
       on conflict (order_id) do update set shipment = coalesce(known.shipment, excluded.shipment)
       returning ${COLUMNS}`,
      [orderId, JSON.stringify(shipment)],
    );
    return row!.customer ? this.ask(orderId, row!, [letterOfShipment(orderId, row!.customer, shipment)], tx) : [];
  }

  async orderIsCancelled(order: DataOf<typeof OrderCancelled>, tx: EntityManager) {
    const [row]: Row[] = await tx.query(
      `insert into correspondence as known (order_id) values ($1)
       on conflict (order_id) do update set order_id = known.order_id
       returning ${COLUMNS}`,
      [order.orderId],
    );
    return this.ask(order.orderId, row!, [letterOfCancellation(order)], tx);
  }

  async isSent(commandId: string, { orderId, kind }: Letter, messageId: string, tx: EntityManager) {
    await send(
      tx,
      'insert into letter (command_id, order_id, kind, message_id) values ($1, $2, $3, $4) on conflict do nothing',
      [commandId, orderId, kind, messageId],
    );
    return NotificationSent({ orderId, kind, messageId });
  }

  async find(orderId: string, tx: EntityManager): Promise<Notification[] | undefined> {
    const rows: { kind: LetterKind; message_id: string | null; sent_at: Date | null }[] = await tx.query(
      `select kind, message_id, sent_at
       from correspondence c left join lateral unnest(c.asked) with ordinality as a(kind, nth) on true
         left join letter using (order_id, kind)
       where order_id = $1 order by nth`,
      [orderId],
    );
    if (rows.length === 0) return undefined;
    return rows
      .filter(({ kind }) => kind !== null)
      .map(({ kind, message_id, sent_at }) =>
        message_id === null || sent_at === null
          ? { kind, status: 'pending' }
          : { kind, status: 'sent', messageId: message_id, sentAt: sent_at.toISOString() },
      );
  }

  /** Asks for each kind of letter once per order. The row that `asked` comes from is locked by `tx`. */
  private async ask(orderId: string, { asked }: Row, letters: readonly Letter[], tx: EntityManager) {
    const missing = letters.filter(({ kind }) => !asked.includes(kind));
    if (missing.length === 0) return [];
    await send(tx, 'update correspondence set asked = asked || $2::text[] where order_id = $1', [
      orderId,
      missing.map(({ kind }) => kind),
    ]);
    return missing.map((letter) => SendEmail(letter));
  }
}
