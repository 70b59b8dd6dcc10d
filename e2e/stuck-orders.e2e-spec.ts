import { beforeAll, describe, expect, it } from 'vitest';
import { apps } from '../tools/platform/apps.js';
import { afterTests } from './after-tests.js';
import { embeddedPostgres } from './stores.js';
import { World } from './world.js';

const OPS_TOKEN = 'a-token-of-the-test';

describe('orders that a service never answers for', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start(await embeddedPostgres(), {
      apps: Object.fromEntries(apps.map((app) => [app, { start: app !== 'shipping' }])),
      env: { OPS_TOKEN, ORDER_DEADLINE_MS: '2000' },
    });
  });
  afterTests((failed) => world?.stop(failed));

  const stuck = async () => {
    const response = await fetch(`${world.platform.url('order')}/ops/stuck-orders`, {
      headers: { authorization: `Bearer ${OPS_TOKEN}` },
    });
    return ((await response.json()) as { orders: { orderId: string; waitsFor: { service: string } }[] }).orders;
  };
  const metric = async () => {
    const text = await (await fetch(`${world.platform.url('order')}/metrics`)).text();
    return Number(/^farandole_order_stuck\{waits_for="shipping"\} (\d+)$/m.exec(text)?.[1]);
  };

  it('are reported after their deadline, with whom they wait for, until they settle', async () => {
    const waiting = [await world.place(), await world.place()];
    const declined = await world.place({ token: 'tok_declined' });
    await world.until(declined, 'settled');
    await expect.poll(metric, { timeout: 30_000 }).toBe(waiting.length);
    const found = await stuck();
    expect(found.map(({ orderId, waitsFor }) => [orderId, waitsFor.service])).toEqual(
      waiting.map((orderId) => [orderId, 'shipping']),
    );
    await world.platform.start('shipping');
    await world.untilAllSettled();
    expect(await stuck()).toEqual([]);
    expect(await metric()).toBe(0);
  });
});
