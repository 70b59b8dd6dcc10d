import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '#libs/messaging/testing';
import { services } from '../tools/platform/apps.js';
import { afterTests, hasFailed } from './after-tests.js';
import { stockOf, violations } from './invariants.js';
import { drizzle } from './load/flood.js';
import { restartAll } from './rolling-restart.js';
import type { Store } from './stores.js';
import { allApps, World, type OrderRequest, type StockView } from './world.js';

const MIX: readonly OrderRequest[] = [{}, { token: 'tok_declined' }, { country: 'AQ' }, { sku: 'sold-out' }, {}];
const AWAY_S = 20;
const ORDERS_PER_S = 5;
const mixed = (n: number) => MIX[n % MIX.length]!;

/** How the platform lives with a store that comes and goes, with replicas, and with a service that comes late. */
export function describeBrokerStories(name: string, startStore: () => Promise<Store>): void {
  describe(`with two replicas of each service on ${name}`, () => {
    let store: Store;
    let world: World;
    let before: ReadonlyMap<string, StockView>;

    beforeAll(async () => {
      store = await startStore();
      world = await World.start(store, { replicas: new Map(services.map((service) => [service, 2])) });
      before = await stockOf(world);
    });

    afterEach(async () => {
      expect(await violations(world, before)).toEqual([]);
    });

    afterTests(async (failed) => {
      await world?.stop(failed);
      await store?.stop();
    });

    it('a rolling restart breaks no request, and nothing is tried again for it', async () => {
      // Where replicas share the work one of the two tells enough; where the other stands by it has to be both.
      const { accepted, broken, complaints } = await restartAll(world, store.name === 'postgres' ? [0, 1] : [1]);
      expect({ broken, complaints }).toEqual({ broken: [], complaints: [] });
      expect(accepted.length).toBeGreaterThan(services.length);
    });

    it('orders settle, whichever replica is killed', async () => {
      const placing = world.placeMany(100, mixed, 5);
      for (const service of services) {
        await world.platform.kill(service, 1);
        await world.platform.ready(service, 1);
      }
      await world.untilAllSettled(await placing);
    });

    it('orders settle when the store is killed amid 200 of them', async () => {
      const already = world.placed.length;
      const placing = world.placeMany(200, mixed, 10);
      await eventually(() => world.placed.length >= already + 50, 'some of them placed');
      await (store.kill ? store.kill() : world.platform.postgres.kill());
      await store.restart?.();
      await world.untilAllSettled(await placing);
    });

    // The embedded default's store is the services' own database: while that is away nothing is taken.
    if (name === 'postgres') return;

    it('orders are taken all the 20 s that the broker is away, and settle once it is back', async () => {
      await store.kill?.();
      const answers = await drizzle(world.platform.url('order'), ORDERS_PER_S, AWAY_S, mixed);
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
      const ids = answers.map(({ body }) => body.orderId!);
      world.placed.push(...ids);
      const orders = await Promise.all(ids.map((id) => world.order(id)));
      expect(orders.map((order) => order.status)).toEqual(ids.map(() => 'placed'));
      await store.restart?.();
      await world.untilAllSettled(ids);
    });
  });

  describe(`a service that first starts after events for it were stated on ${name}`, () => {
    it('gets them all', async ({ task, onTestFinished }) => {
      const store = await startStore();
      onTestFinished(() => store.stop());
      const world = await World.start(store, { apps: { ...allApps(), shipping: { start: false } } });
      onTestFinished(() => world.stop(hasFailed(task)));
      const ids = await world.placeMany(10, () => ({}));
      for (const id of ids) await world.until(id, 'paid');
      await world.platform.start('shipping');
      const orders = await world.untilAllSettled(ids);
      expect(orders.map((order) => order.status)).toEqual(ids.map(() => 'completed'));
    });
  });
}
