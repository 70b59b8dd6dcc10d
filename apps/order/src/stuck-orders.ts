import { Injectable } from '@nestjs/common';
import { metrics, type ObservableResult } from '@opentelemetry/api';
import { EntityManager } from 'typeorm';
import { look, Variables } from '#libs/service';
import { AWAITED_SERVICES, awaitedOf, type Awaited } from './awaited.js';
import type { Fact } from './order.js';
import type { OrderSummary } from './order.store.js';
import type { OrderVariables } from './variables.js';

/** An order that is not settled although its deadline has passed. */
export interface StuckOrder extends Pick<OrderSummary, 'orderId' | 'status' | 'reason' | 'placedAt'> {
  readonly ageMs: number;
  readonly waitsFor: Awaited;
}

/** Counted up to here for the metric: beyond it the number says nothing more. */
const MOST_COUNTED = 1_000;

/** Finds orders that a person has to look at: something of theirs was set aside, is tried again and again, or got lost. */
@Injectable()
export class StuckOrders {
  private readonly counted = look(() => this.list(MOST_COUNTED));

  constructor(
    private readonly database: EntityManager,
    @Variables() private readonly variables: OrderVariables,
  ) {
    metrics
      .getMeter('farandole.order')
      .createObservableGauge('farandole.order.stuck', {
        description: 'Orders that are not settled although their deadline has passed, by whom they wait for',
        unit: '{order}',
      })
      .addCallback((gauge) => this.observe(gauge));
  }

  /** The oldest first. */
  async list(limit: number): Promise<readonly StuckOrder[]> {
    const rows: (Omit<StuckOrder, 'waitsFor'> & { readonly facts: readonly Fact[] })[] = await this.database.query(
      `select id as "orderId", status, reason, placed_at as "placedAt", history as facts,
         (extract(epoch from now() - stored_at) * 1000)::float8 as "ageMs"
       from orders where settled_at is null and stored_at < now() - $1 * interval '1 ms' order by stored_at limit $2`,
      [this.variables.ORDER_DEADLINE_MS, limit],
    );
    return rows.flatMap(({ facts, ...order }) => {
      const waitsFor = awaitedOf(facts);
      return waitsFor ? [{ ...order, waitsFor }] : [];
    });
  }

  private async observe(gauge: ObservableResult): Promise<void> {
    const stuck = await this.counted().catch(() => undefined);
    if (!stuck) return;
    for (const service of AWAITED_SERVICES) {
      gauge.observe(stuck.filter(({ waitsFor }) => waitsFor.service === service).length, { waits_for: service });
    }
  }
}
