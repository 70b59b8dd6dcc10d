import { Injectable } from '@nestjs/common';
import { createHash, randomUUIDv7 } from 'node:crypto';
import { OrderPlaced } from '#libs/contracts';
import { Transactions } from '#libs/outbox';
import { currentTraceId } from '#libs/tracing';
import type { OrderRequest } from './order-request.js';
import { Orders, type PlacedOrder } from './order.store.js';
import { IdempotencyKeyReused, UnknownSkus } from './problems.js';
import { price, totalOf, unknownIn } from './products.js';

/** Where the choreography begins. */
@Injectable()
export class PlaceOrder {
  constructor(
    private readonly transactions: Transactions,
    private readonly orders: Orders,
  ) {}

  /**
   * Resolves once the order is stored and OrderPlaced is on its way, or with the order that an earlier request under `key` placed.
   * @throws UnknownSkus; IdempotencyKeyReused when the earlier request asked for something else
   */
  async place(request: OrderRequest, key?: string): Promise<{ order: PlacedOrder; replayed: boolean }> {
    const unknown = unknownIn(request.lines);
    if (unknown.length > 0) throw new UnknownSkus(unknown);
    const { paymentToken, ...asked } = request;
    const lines = price(request.lines);
    const order = {
      ...asked,
      lines,
      totalCents: totalOf(lines),
      orderId: randomUUIDv7(),
      correlationId: randomUUIDv7(),
      traceId: currentTraceId() ?? null,
      placedAt: new Date(),
    };
    const { orderId, correlationId, traceId: _, placedAt, ...told } = order;
    const fact = { type: OrderPlaced.type, service: OrderPlaced.source, time: placedAt.toISOString() };
    const requestKey = key === undefined ? undefined : { key, fingerprint: fingerprintOf(request) };
    return this.transactions.run(
      async (tx, state) => {
        if (await this.orders.add(order, [fact], requestKey, tx)) {
          state(OrderPlaced({ orderId, ...told, paymentToken }));
          return { order, replayed: false };
        }
        const earlier = await this.orders.placedBy(key!, tx);
        if (!earlier?.fingerprint.equals(requestKey!.fingerprint)) throw new IdempotencyKeyReused(key!);
        return { order: earlier, replayed: true };
      },
      { correlationId },
    );
  }
}

/** Of what was understood: spaces and the order of fields in the bytes make no other request. */
function fingerprintOf(request: OrderRequest): Buffer {
  return createHash('sha256').update(JSON.stringify(request)).digest();
}
