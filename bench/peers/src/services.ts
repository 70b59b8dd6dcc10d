import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Database } from './database.js';
import type { Emit, Events, Order } from './events.js';
import type { OrderRequest } from './order-request.js';

/*
 * What the five services do, the usual way: change the state, commit, emit the event, acknowledge. A crash in between loses the
 * event or repeats the change; neither an outbox nor an inbox is there to help.
 */

const PRICE_CENTS = 1_200;

export class OrderService {
  constructor(
    private readonly database: Database,
    private readonly emit: Emit,
  ) {}

  async place({ lines, ...request }: OrderRequest): Promise<Order> {
    const priced = lines.map((line) => ({ ...line, unitPriceCents: PRICE_CENTS }));
    const totalCents = priced.reduce((sum, { quantity }) => sum + quantity * PRICE_CENTS, 0);
    const order = { orderId: randomUUID(), ...request, lines: priced, totalCents };
    await this.database.query(
      'insert into orders (id, total_cents, customer, lines, shipping_address) values ($1, $2, $3, $4, $5)',
      [order.orderId, totalCents, order.customer, JSON.stringify(priced), order.shippingAddress],
    );
    await this.emit('order.placed', order);
    return order;
  }

  /** Later facts may come first: none takes an order back. */
  async note(orderId: string, fact: string, status: 'reserved' | 'paid' | undefined): Promise<void> {
    await this.database.query(
      `update orders set history = history || $2::jsonb, status = case
         when $3 = 'reserved' and status = 'placed' then $3 when $3 = 'paid' and status in ('placed', 'reserved') then $3
         else status end
       where id = $1`,
      [orderId, JSON.stringify([{ fact, at: new Date() }]), status ?? null],
    );
  }

  async complete(orderId: string): Promise<void> {
    await this.database.query(
      `update orders set history = history || $2::jsonb, status = 'completed', settled_at = now() where id = $1`,
      [orderId, JSON.stringify([{ fact: 'shipment.created', at: new Date() }])],
    );
    await this.emit('order.completed', { orderId });
  }
}

export class InventoryService {
  constructor(
    private readonly database: Database,
    private readonly emit: Emit,
  ) {}

  async reserve(order: Order): Promise<void> {
    const { orderId, lines } = order;
    await this.database.transaction(async (client) => {
      for (const { sku, quantity } of lines) {
        const { rowCount } = await client.query(
          'update stock set reserved = reserved + $2 where sku = $1 and on_hand - reserved >= $2',
          [sku, quantity],
        );
        if (rowCount !== 1) throw new Error(`${sku} is sold out`);
      }
      await client.query(`insert into reservation (order_id, goods, status) values ($1, $2, 'reserved')`, [
        orderId,
        JSON.stringify(lines),
      ]);
    });
    await this.emit('inventory.reserved', order);
  }

  async handOver({ orderId, lines }: Order): Promise<void> {
    await this.database.transaction(async (client) => {
      await client.query(`update reservation set status = 'shipped' where order_id = $1`, [orderId]);
      for (const { sku, quantity } of lines) {
        await client.query('update stock set reserved = reserved - $2, on_hand = on_hand - $2 where sku = $1', [
          sku,
          quantity,
        ]);
      }
    });
  }
}

export class PaymentService {
  constructor(
    private readonly database: Database,
    private readonly emit: Emit,
  ) {}

  async charge(order: Order): Promise<void> {
    const { orderId, totalCents: amountCents, paymentToken } = order;
    const response = await fetch(`${process.env['PAYMENT_PROVIDER_URL']}/charges`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': orderId },
      body: JSON.stringify({ orderId, amountCents, paymentToken }),
    });
    if (!response.ok) throw new Error(`the provider answered ${response.status}`);
    const { chargeId } = (await response.json()) as { chargeId: string };
    await this.database.query('insert into payment (order_id, amount_cents, charge_id) values ($1, $2, $3)', [
      orderId,
      amountCents,
      chargeId,
    ]);
    await this.emit('payment.charged', { ...order, chargeId });
  }
}

export class ShippingService {
  constructor(
    private readonly database: Database,
    private readonly emit: Emit,
  ) {}

  async ship(order: Order): Promise<void> {
    const shipment = { carrier: 'Hermes', trackingNumber: randomUUID() };
    await this.database.query(
      'insert into shipment (order_id, address, carrier, tracking_number) values ($1, $2, $3, $4)',
      [order.orderId, order.shippingAddress, shipment.carrier, shipment.trackingNumber],
    );
    await this.emit('shipment.created', { ...order, ...shipment });
  }
}

export class NotificationService {
  constructor(
    private readonly database: Database,
    private readonly emit: Emit,
  ) {}

  async tell({ orderId, customer }: Order, kind: 'order_placed' | 'order_shipped'): Promise<void> {
    const text = `To: ${customer.name} <${customer.email}>\r\nSubject: ${kind}\r\n\r\nYour order: ${orderId}\r\n`;
    await writeFile(join(process.env['MAIL_DIR']!, `${orderId}-${kind}.eml`), text);
    await this.database.query('insert into letter (order_id, kind) values ($1, $2)', [orderId, kind]);
    await this.emit('notification.sent', { orderId, kind });
  }
}

export type Charged = Events['payment.charged'];
export type Shipped = Events['shipment.created'];
