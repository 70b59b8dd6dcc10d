import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { z } from 'zod';
import type { Address, CancelReason, Customer, PricedLine } from '#libs/contracts';
import { send } from '#libs/outbox';
import type { Fact, Standing, Status } from './order.js';

/** An order as it was placed. */
export interface PlacedOrder {
  /** UUIDv7: ids sort by when the orders were placed. */
  readonly orderId: string;
  readonly correlationId: string;
  /** Of the request that placed it: all that follows is one trace. */
  readonly traceId: string | null;
  readonly placedAt: Date;
  readonly totalCents: number;
  readonly customer: Customer;
  readonly lines: readonly z.output<typeof PricedLine>[];
  readonly shippingAddress: Address;
}

export interface OrderSummary extends Pick<PlacedOrder, 'orderId' | 'placedAt' | 'totalCents'> {
  readonly status: Status;
  readonly reason: CancelReason | null;
  readonly settledAt: Date | null;
}

export interface WholeOrder extends PlacedOrder, OrderSummary {
  readonly facts: readonly Fact[];
}

/** What a client calls its request, and a digest of what it asked for. */
export interface RequestKey {
  readonly key: string;
  readonly fingerprint: Buffer;
}

const SUMMARY = `id as "orderId", status, reason, placed_at as "placedAt", settled_at as "settledAt",
  total_cents::float8 as "totalCents"`;
const WHOLE = `${SUMMARY}, correlation_id as "correlationId", trace_id as "traceId", customer, lines,
  shipping_address as "shippingAddress", history as facts`;

const unsettled = (status: Status) => `status = '${status}' and settled_at is null`;
/** By what is rare, and has an index; all the unsettled are read for each page. The completed are found walking along all orders, of which they are most. */
const OF_STATUS: Readonly<Record<Status, string>> = {
  placed: unsettled('placed'),
  reserved: unsettled('reserved'),
  paid: unsettled('paid'),
  completed: `status = 'completed'`,
  cancelled: 'reason is not null',
};

/** One row per order: what was asked for, the facts heard since, and what they amount to. */
@Injectable()
export class Orders {
  /** False, and nothing stored, when a request with the same key has placed an order; waits for one that is about to. */
  async add(order: PlacedOrder, facts: readonly Fact[], request: RequestKey | undefined, tx: EntityManager) {
    const rows: unknown[] = await tx.query(
      `insert into orders (id, correlation_id, placed_at, total_cents, customer, lines, shipping_address, history,
         idempotency_key, fingerprint, trace_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
       on conflict (idempotency_key) where idempotency_key is not null do nothing
       returning 1`,
      [
        order.orderId,
        order.correlationId,
        order.placedAt,
        order.totalCents,
        JSON.stringify(order.customer),
        JSON.stringify(order.lines),
        JSON.stringify(order.shippingAddress),
        JSON.stringify(facts),
        request?.key ?? null,
        request?.fingerprint ?? null,
        order.traceId,
      ],
    );
    return rows.length === 1;
  }

  async placedBy(key: string, tx: EntityManager): Promise<(WholeOrder & { fingerprint: Buffer }) | undefined> {
    const [row]: (WholeOrder & { fingerprint: Buffer })[] = await tx.query(
      `select ${WHOLE}, fingerprint from orders where idempotency_key = $1`,
      [key],
    );
    return row;
  }

  /** What is known of an order, and its row to this transaction alone: other services' facts come at the same time. */
  async lock(
    orderId: string,
    tx: EntityManager,
  ): Promise<Pick<WholeOrder, 'customer' | 'facts' | 'placedAt'> | undefined> {
    const [row]: WholeOrder[] = await tx.query(
      'select customer, placed_at as "placedAt", history as facts from orders where id = $1 for update',
      [orderId],
    );
    return row;
  }

  async keep(orderId: string, { status, reason, settled }: Standing, facts: readonly Fact[], tx: EntityManager) {
    await send(
      tx,
      `update orders set status = $2, reason = $3, history = $4,
         settled_at = case when $5::boolean then coalesce(settled_at, now()) end
       where id = $1`,
      [orderId, status, reason ?? null, JSON.stringify(facts), settled],
    );
  }

  async find(orderId: string, tx: EntityManager): Promise<WholeOrder | undefined> {
    const [row]: WholeOrder[] = await tx.query(`select ${WHOLE} from orders where id = $1`, [orderId]);
    return row;
  }

  /** Newest first; those placed before the order `before`, where given. */
  list(
    { status, before, limit }: { status?: Status | undefined; before?: string | undefined; limit: number },
    tx: EntityManager,
  ): Promise<OrderSummary[]> {
    // Each question has its own text: one plan for all would read the whole table.
    const where = [...(status ? [OF_STATUS[status]] : []), ...(before ? ['id < $2'] : [])].join(' and ');
    return tx.query(
      `select ${SUMMARY} from orders ${where && `where ${where}`} order by id desc limit $1`,
      before ? [limit, before] : [limit],
    );
  }
}
