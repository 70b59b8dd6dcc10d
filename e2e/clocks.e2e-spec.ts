import { beforeAll, describe, expect, it } from 'vitest';
import { afterTests } from './after-tests.js';
import { stockOf, violations } from './invariants.js';
import { preload } from './preloads/index.js';
import { embeddedPostgres } from './stores.js';
import { allApps, World, type StockView } from './world.js';

const TEN_MINUTES_MS = 600_000;
const off = (ms: number) => preload('clock-off', { CLOCK_OFF_MS: String(ms) });

describe('services whose clocks are ten minutes off', () => {
  let world: World;
  let before: ReadonlyMap<string, StockView>;

  beforeAll(async () => {
    const apps = {
      ...allApps(),
      inventory: off(TEN_MINUTES_MS),
      payment: off(-TEN_MINUTES_MS),
      shipping: off(TEN_MINUTES_MS),
    };
    world = await World.start(await embeddedPostgres(), { apps });
    before = await stockOf(world);
  });
  afterTests((failed) => world?.stop(failed));

  it('end each order as ever, tried again or not', async () => {
    const ends = new Map<string, string>();
    for (const [request, end] of [
      [{}, 'completed'],
      [{ token: 'tok_flaky' }, 'completed'],
      [{ token: 'tok_declined' }, 'payment_declined'],
      [{ country: 'AQ' }, 'undeliverable'],
    ] as const)
      for (let n = 0; n < 5; n++) ends.set(await world.place(request), end);
    for (const { orderId, reason, status } of await world.untilAllSettled())
      expect(reason ?? status, orderId).toBe(ends.get(orderId));
    expect(await violations(world, before)).toEqual([]);
  });

  it('show it in the times of the history alone, whose order is that of cause and effect', async () => {
    const { history } = await world.until(await world.place(), 'settled');
    const times = Object.fromEntries(history.map(({ type, time }) => [type, Date.parse(time)]));
    expect(times['inventory.reserved']! - times['payment.charged']!).toBeGreaterThan(TEN_MINUTES_MS);
    const types = history.map(({ type }) => type).filter((type) => type !== 'notification.sent');
    expect(types).toEqual(
      ['order.placed', 'inventory.reserved', 'payment.charged', 'shipment.created', 'order.completed'].slice(
        0,
        types.length,
      ),
    );
  });
});
