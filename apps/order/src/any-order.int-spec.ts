import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Envelope } from '#libs/contracts';
import { anyOrderOf, batchesOf, startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { requestBody, stories, tell } from '../testing/story.js';
import { OrderModule } from './order.module.js';
import { PlaceOrder } from './place-order.js';

type Story = keyof typeof stories;

describe('the order service, in any order and any number of times', () => {
  let database: FreshDatabase;
  let service: TestedService;

  beforeAll(async () => {
    database = await freshDatabase();
    service = await startForTest(OrderModule, { url: database.url });
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
  });

  /** Tells the stories of new orders; resolves with how they end and all that was stated, ids and times left out. */
  async function endOf(told: readonly Story[], batchesFrom: (events: Envelope[]) => Envelope[][]) {
    await service.query('truncate outbox');
    const placed = await Promise.all(told.map(() => service.get(PlaceOrder).place(requestBody)));
    const ids = placed.map(({ order }) => order.orderId);
    const events = told.flatMap((story, at) => tell(story, ids[at]!));
    for (const batch of batchesFrom(events)) await service.deliver(batch);
    const orders = await Promise.all(ids.map(viewOf));
    const deadLetters = await service.query('select type, last_error from dead_letter');
    const withoutIds = (text: string) => ids.reduce((left, id, at) => left.replaceAll(id, `order ${at}`), text);
    const stated = (await service.stated()).map(({ type, data }) => withoutIds(JSON.stringify([type, data])));
    return { orders, stated: stated.toSorted(), deadLetters };
  }

  async function viewOf(orderId: string) {
    const response = await fetch(`${service.http}/orders/${orderId}`);
    const { status, reason, settled, history } = (await response.json()) as {
      status: string;
      reason?: string;
      settled: boolean;
      history: { type: string; service: string; detail?: string }[];
    };
    return { status, reason, settled, history: history.map((fact) => [fact.type, fact.service, fact.detail]) };
  }

  async function endsAlike(told: readonly Story[], numRuns: number) {
    const expected = await endOf(told, (events) => events.map((event) => [event]));
    expect(expected.deadLetters).toEqual([]);
    expect(expected.stated).toHaveLength(2 * told.length);
    expect(expected.orders.map(({ settled }) => settled)).toEqual(told.map(() => true));
    const steps = anyOrderOf(told.flatMap((story) => stories[story]).length);
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        expect(await endOf(told, (events) => batchesOf(events, taken))).toEqual(expected);
      }),
      { numRuns },
    );
  }

  it.each(Object.keys(stories) as Story[])('ends alike for an order that is %s', async (story) => {
    await endsAlike([story], 15);
  });

  it('ends alike for orders of all kinds at once', async () => {
    await endsAlike(Object.keys(stories) as Story[], 30);
  });
});
