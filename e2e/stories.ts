import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '#libs/messaging/testing';
import { services } from '../tools/platform/apps.js';
import { afterTests } from './after-tests.js';
import { stockOf, violations } from './invariants.js';
import type { Store } from './stores.js';
import { World, type OrderRequest, type StockView } from './world.js';

/** The kinds of order that a test mixes, and how each must end. */
const MIX: readonly (OrderRequest & { readonly ends: string })[] = [
  { ends: 'completed' },
  { ends: 'completed', sku: 'mug-red', quantity: 3 },
  { ends: 'out_of_stock', sku: 'sold-out' },
  { ends: 'payment_declined', token: 'tok_declined' },
  { ends: 'payment_declined', token: 'tok_insufficient_funds' },
  { ends: 'undeliverable', country: 'AQ' },
  { ends: 'completed', token: 'tok_flaky' },
];

/** The story told by all services together, on one store. */
export function describeStories(name: string, startStore: () => Promise<Store>): void {
  describe(`orders on ${name}`, () => {
    let store: Store;
    let world: World;
    let before: ReadonlyMap<string, StockView>;

    beforeAll(async () => {
      store = await startStore();
      world = await World.start(store);
      before = await stockOf(world);
    });

    afterTests(async (failed) => {
      await world?.stop(failed);
      await store?.stop();
    });

    const endOf = async (request: OrderRequest) => {
      const { status, reason } = await world.until(await world.place(request), 'settled');
      return reason ?? status;
    };

    it('completes', async () => {
      expect(await endOf({})).toBe('completed');
    });

    it('is cancelled when something is out of stock', async () => {
      expect(await endOf({ sku: 'sold-out' })).toBe('out_of_stock');
    });

    it('is cancelled when the card is declined, and the goods are given back', async () => {
      expect(await endOf({ token: 'tok_declined' })).toBe('payment_declined');
      expect((await world.stock('mug-blue')).reserved).toBe(0);
    });

    it('is cancelled when nobody delivers there: refunded, then given back', async () => {
      const orderId = await world.place({ country: 'AQ' });
      const order = await world.until(orderId, 'settled');
      expect(order.reason).toBe('undeliverable');
      const types = order.history.map((event) => event.type);
      expect(types).toEqual(expect.arrayContaining(['payment.charged', 'payment.refunded', 'inventory.released']));
    });

    it('completes with a flaky payment provider, after retries', async () => {
      expect(await endOf({ token: 'tok_flaky' })).toBe('completed');
    });

    it('is placed once, however often the same request comes at once', async () => {
      const idempotencyKey = crypto.randomUUID();
      const ids = await Promise.all(Array.from({ length: 8 }, () => world.place({ idempotencyKey })));
      expect(new Set(ids).size).toBe(1);
    });

    it('of a product with 100 pieces complete a hundred times in 300', async () => {
      await world.untilAllSettled();
      await world.setStock('mug-white', 100);
      before = new Map(before).set('mug-white', await world.stock('mug-white'));
      const ids = await world.placeMany(300, () => ({ sku: 'mug-white' }), 30);
      const orders = await world.untilAllSettled(ids);
      expect(orders.filter((order) => order.status === 'completed')).toHaveLength(100);
      expect(orders.filter((order) => order.reason === 'out_of_stock')).toHaveLength(200);
    });

    it('of all kinds at once end as they must', async () => {
      const kinds = Array.from({ length: 140 }, (_, n) => MIX[n % MIX.length]!);
      const ends = new Map<string, string>();
      await Promise.all(kinds.map(async (kind) => ends.set(await world.place(kind), kind.ends)));
      for (const order of await world.untilAllSettled([...ends.keys()])) {
        expect(order.reason ?? order.status, order.orderId).toBe(ends.get(order.orderId));
      }
    });

    it.each(services)('survive kill -9 of %s while a hundred are under way', async (service) => {
      const already = world.placed.length;
      const placing = world.placeMany(100, (n) => MIX[n % MIX.length]!, 10);
      await eventually(() => world.placed.length >= already + 20, 'some of them placed');
      await world.platform.kill(service);
      await world.platform.ready(service);
      await world.untilAllSettled(await placing);
    });

    it('leave nothing lost and nothing done twice', async () => {
      expect(await violations(world, before)).toEqual([]);
    });
  });
}
