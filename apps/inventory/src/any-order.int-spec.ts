import * as fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Envelope } from '#libs/contracts';
import { anyOrderOf, batchesOf, startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { orderOf } from '../testing/story.js';
import { InventoryModule } from './inventory.module.js';

/** What inventory hears in each story, in tidy order. */
const stories = {
  completed: (sku: string) => tidy(orderOf({ sku, quantity: 2 }), 'placed', 'shipped'),
  declined: (sku: string) => tidy(orderOf({ sku, quantity: 3 }), 'placed', 'declined'),
  undeliverable: (sku: string) => tidy(orderOf({ sku, quantity: 4 }), 'placed', 'refunded'),
  outOfStock: (sku: string) => tidy(orderOf({ sku, quantity: 1 }, { sku: 'sold-out', quantity: 1 }), 'placed'),
};
/** Enough for all at once: who gets the last piece depends on the order by nature. */
const ENOUGH = 10;

type Order = ReturnType<typeof orderOf>;
type Tell = (sku: string) => Envelope[][];

function tidy(order: Order, ...facts: (keyof Omit<Order, 'orderId'>)[]): Envelope[] {
  return facts.map((fact) => order[fact]);
}

describe('inventory, in any order and any number of times', () => {
  let database: FreshDatabase;
  let service: TestedService;

  beforeAll(async () => {
    database = await freshDatabase();
    service = await startForTest(InventoryModule, { url: database.url });
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
  });

  /** Tells of new orders for a new product; resolves with the stock and all that was stated, names left out. */
  async function endOf(tell: Tell, batchesFrom: (events: Envelope[]) => Envelope[][]) {
    const sku = `test-${uuidv7()}`;
    const orders = tell(sku);
    await service.query('truncate outbox');
    await service.query('insert into stock (sku, on_hand) values ($1, $2)', [sku, ENOUGH]);
    for (const batch of batchesFrom(orders.flat())) await service.deliver(batch);
    const [stock] = await service.query('select on_hand, reserved from stock where sku = $1', [sku]);
    const deadLetters = await service.query('select type, last_error from dead_letter');
    const withoutNames = (text: string) =>
      orders.reduce((left, [first], at) => left.replaceAll(first!.key, `order ${at}`), text.replaceAll(sku, 'it'));
    const stated = (await service.stated()).map(({ type, data }) => withoutNames(JSON.stringify([type, data])));
    return { stock, stated: stated.toSorted(), deadLetters };
  }

  async function endsAlike(tell: Tell, numRuns: number) {
    const expected = await endOf(tell, (events) => events.map((event) => [event]));
    expect(expected).toMatchObject({ stock: { reserved: 0 }, deadLetters: [] });
    const steps = anyOrderOf(tell('any').flat().length);
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        expect(await endOf(tell, (events) => batchesOf(events, taken))).toEqual(expected);
      }),
      { numRuns },
    );
  }

  it.each(Object.entries(stories))('ends alike for an order that is %s', async (_, story) => {
    await endsAlike((sku) => [story(sku)], 15);
  });

  it('ends alike for orders of all kinds at once', async () => {
    await endsAlike((sku) => Object.values(stories).map((story) => story(sku)), 40);
  });
});
