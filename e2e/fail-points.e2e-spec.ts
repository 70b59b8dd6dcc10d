import { beforeAll, describe, expect, it } from 'vitest';
import { describeWithDocker } from '../tools/docker/available.js';
import { Databases } from '../tools/invariants/index.js';
import type { ServiceName } from '../tools/platform/apps.js';
import { afterTests } from './after-tests.js';
import { FailPoints } from './fail-points.js';
import { stockOf, violations } from './invariants.js';
import { PATIENCE_MS } from './patience.js';
import { embeddedPostgres, kafka, rabbitmq, type Store } from './stores.js';
import { World, type OrderRequest, type StockView } from './world.js';

const MIX: readonly OrderRequest[] = [
  {},
  { token: 'tok_declined' },
  { country: 'AQ' },
  { sku: 'sold-out' },
  { token: 'tok_flaky' },
];

/** One order is under way when processes die of it, so it is known what each has done; others follow before they are back. */
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
    const inbox = (service: ServiceName) =>
      databases.query<{ id: string; type: string }>(service, 'select message_id as id, type from inbox');
    /** Once or more: a stalled machine is enough for one more. */
    const untilItCameAgain = async (messageId: string, ...to: ServiceName[]) => {
      const sql = 'select duplicates from inbox where message_id = $1';
      for (const service of to) {
        const again = async () =>
          (await databases.query<{ duplicates: number }>(service, sql, [messageId]))[0]?.duplicates;
        await expect.poll(again, { timeout: PATIENCE_MS, message: `again to ${service}` }).toBeGreaterThan(0);
      }
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
      const handled = await inbox('notification');
      expect(handled).toMatchObject([{ type: 'order.placed' }]);
      expect(await databases.query('notification', 'select type from due')).toEqual([
        { type: 'notification.send-email' },
      ]);

      await placeMix();
      await start('inventory', 'shipping', 'notification');
      expect(await violations(world, before)).toEqual([]);
      await untilItCameAgain(handled[0]!.id, 'notification');
    });

    it('between publish and delete publishes again, between call and record calls again, and neither has an effect twice', async () => {
      const publishing = await failPoints.arm(world, 'order', 'after-publish');
      const calling = await failPoints.arm(world, 'payment', 'after-call');
      const placing = world.place();
      await publishing.died();
      await calling.died();

      const stated = await databases.query<{ id: string; key: string }>(
        'order',
        'select message_id as id, type, key from outbox',
      );
      expect(stated).toMatchObject([{ type: 'order.placed' }]);
      const { id: placedId, key: orderId } = stated[0]!;
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
      await untilItCameAgain(placedId, 'inventory', 'payment', 'shipping', 'notification');
    });
  });
}

describeFailPoints('postgres', embeddedPostgres);
await describeWithDocker('processes that die at chosen points', () => {
  describeFailPoints('rabbitmq', rabbitmq);
  describeFailPoints('kafka', kafka);
});
