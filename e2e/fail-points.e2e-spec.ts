import { beforeAll, describe, expect, it } from 'vitest';
import { describeWithDocker } from '../tools/docker/available.js';
import { Databases } from '../tools/invariants/index.js';
import { services, type ServiceName } from '../tools/platform/apps.js';
import { afterTests } from './after-tests.js';
import { FailPoints } from './fail-points.js';
import { stockOf, violations } from './invariants.js';
import { embeddedPostgres, kafka, rabbitmq, type Store } from './stores.js';
import { World, type OrderRequest, type StockView } from './world.js';

const MIX: readonly OrderRequest[] = [
  {},
  { token: 'tok_declined' },
  { country: 'AQ' },
  { sku: 'sold-out' },
  { token: 'tok_flaky' },
];

/** One order is under way when processes die of it, so all numbers are exact; others follow before they are back. */
function describeFailPoints(name: string, startStore: () => Promise<Store>): void {
  describe(`a process that dies on ${name}`, () => {
    let store: Store;
    let failPoints: FailPoints;
    let world: World;
    let databases: Databases;
    let before: ReadonlyMap<string, StockView>;

    beforeAll(async () => {
      store = await startStore();
      failPoints = await FailPoints.create();
      // Nobody starts them again by themselves: what they left is looked at first.
      world = await World.start(store, { env: failPoints.env, supervise: false });
      databases = await Databases.open(world.platform);
      before = await stockOf(world);
    });
    afterTests(async (failed) => {
      await databases?.close();
      await world?.stop(failed);
      await failPoints?.remove();
      await store?.stop();
    });

    const start = (...dead: ServiceName[]) => Promise.all(dead.map((service) => world.platform.start(service)));
    const placeMix = () => world.placeMany(MIX.length, (n) => MIX[n]!);
    const inbox = (service: ServiceName) => databases.query(service, 'select type, attempts, duplicates from inbox');
    const duplicates = async () => {
      const counts: Partial<Record<ServiceName, number>> = {};
      for (const service of services) {
        const sql = 'select coalesce(sum(duplicates), 0)::int as n from inbox';
        counts[service] = (await databases.query<{ n: number }>(service, sql))[0]!.n;
      }
      return counts;
    };

    it('while it handles an event has done nothing of it before the commit, and all of it after', async () => {
      const armed = [
        await failPoints.arm(world, 'inventory', 'after-claim'),
        await failPoints.arm(world, 'shipping', 'before-commit'),
        await failPoints.arm(world, 'notification', 'after-commit'),
      ];
      await world.place();
      for (const { died } of armed) await died();

      expect(await inbox('inventory')).toEqual([]);
      expect(await inbox('shipping')).toEqual([]);
      expect(await databases.query('shipping', 'select order_id from shipment')).toEqual([]);
      expect(await inbox('notification')).toEqual([{ type: 'order.placed', attempts: 1, duplicates: 0 }]);
      expect(await databases.query('notification', 'select type from due')).toEqual([
        { type: 'notification.send-email' },
      ]);

      await placeMix();
      await start('inventory', 'shipping', 'notification');
      expect(await violations(world, before)).toEqual([]);
      await expect.poll(duplicates).toEqual({ order: 0, inventory: 0, payment: 0, shipping: 0, notification: 1 });
    });

    it('between publish and delete publishes again, between call and record calls again, and neither has an effect twice', async () => {
      const earlier = await duplicates();
      const publishing = await failPoints.arm(world, 'order', 'after-publish');
      const calling = await failPoints.arm(world, 'payment', 'after-call');
      const placing = world.place();
      await publishing.died();
      await calling.died();

      const stated = await databases.query<{ key: string }>('order', 'select type, key from outbox');
      expect(stated).toMatchObject([{ type: 'order.placed' }]);
      const orderId = stated[0]!.key;
      const charges = () =>
        world.get<{ charges: { chargeId: string }[] }>('payment-provider', `/charges?orderId=${orderId}`);
      const { charges: booked } = await charges();
      expect(booked).toHaveLength(1);
      const recorded = 'select charge_id from payment where order_id = $1';
      expect(await databases.query('payment', recorded, [orderId])).toEqual([{ charge_id: null }]);

      await Promise.all([start('order', 'payment'), placeMix()]);
      expect(await placing).toBe(orderId);
      expect(await violations(world, before)).toEqual([]);
      // The answer to the first call died with its process: this one is of a second call.
      expect(await world.get('payment', `/payments/${orderId}`)).toMatchObject({ chargeId: booked[0]!.chargeId });
      expect((await charges()).charges).toHaveLength(1);
      const oneMore = (service: ServiceName) => earlier[service]! + 1;
      await expect.poll(duplicates).toMatchObject({
        inventory: oneMore('inventory'),
        shipping: oneMore('shipping'),
        notification: oneMore('notification'),
      });
    });
  });
}

describeFailPoints('postgres', embeddedPostgres);
await describeWithDocker('processes that die at chosen points', () => {
  describeFailPoints('rabbitmq', rabbitmq);
  describeFailPoints('kafka', kafka);
});
