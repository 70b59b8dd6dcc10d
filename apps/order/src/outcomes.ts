import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { OrderCancelled, OrderCompleted, type Envelope } from '#libs/contracts';
import { Hopeless } from '#libs/messaging';
import { hasEnded, statusOf, withFact, type Fact } from './order.js';
import { Orders } from './order.store.js';
import { Settling } from './settling.js';

/** An event tells of an order that was not placed here. */
export class OrderNotPlacedHere extends Hopeless {
  override readonly name = 'OrderNotPlacedHere';
  constructor({ type, key }: Envelope) {
    super(
      `${type} tells of order ${key}, which this database does not hold; if it was restored, bring the order back, then replay`,
    );
  }
}

type About = Envelope & { readonly data: { readonly orderId: string } };

/** What the other services say about an order, and what it comes to. */
@Injectable()
export class Outcomes {
  constructor(
    private readonly orders: Orders,
    private readonly settling: Settling,
  ) {}

  /** Notes a fact that ends nothing. */
  async note(event: About, tx: EntityManager, detail?: string): Promise<void> {
    await this.add(event, tx, detail);
  }

  /** Notes the fact that completes the order, and says so the first time. */
  async complete(event: About, tx: EntityManager, detail?: string) {
    const ended = await this.add(event, tx, detail);
    return ended ? [OrderCompleted({ orderId: event.data.orderId })] : [];
  }

  /** Notes a fact that cancels the order, and says so the first time. */
  async cancel(event: About, tx: EntityManager, detail?: string) {
    const ended = await this.add(event, tx, detail);
    return ended?.reason
      ? [OrderCancelled({ orderId: event.data.orderId, reason: ended.reason, customer: ended.customer })]
      : [];
  }

  /** Notes a fact; resolves with how the order ended, if it was this fact that ended it. */
  private async add(event: About, tx: EntityManager, detail?: string) {
    const { orderId } = event.data;
    const order = await this.orders.lock(orderId, tx);
    if (!order) throw new OrderNotPlacedHere(event);
    const facts = withFact(order.facts, factOf(event, detail));
    if (!facts) return undefined;
    const standing = statusOf(facts);
    const ends = hasEnded(standing) && !hasEnded(statusOf(order.facts));
    const history = ends ? (withFact(facts, endingOf(event, standing.reason)) ?? facts) : facts;
    await this.orders.keep(orderId, standing, history, tx);
    if (standing.settled && !statusOf(order.facts).settled) this.settling.record(order.placedAt, standing);
    return ends ? { ...standing, customer: order.customer } : undefined;
  }
}

function factOf({ type, source, time, id, causationId, sequence }: About, detail?: string): Fact {
  return {
    type,
    service: source,
    time,
    id,
    ...(causationId ? { causationId } : {}),
    ...(sequence === undefined ? {} : { sequence }),
    ...(detail ? { detail } : {}),
  };
}

/** The event that this service states now, since it heard of another. */
function endingOf({ id }: About, reason: string | undefined): Fact {
  const of = reason ? OrderCancelled : OrderCompleted;
  const time = new Date().toISOString();
  return { type: of.type, service: of.source, time, causationId: id, ...(reason ? { detail: reason } : {}) };
}
