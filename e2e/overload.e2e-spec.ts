import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { stockOf, violations } from './invariants.js';
import { flood } from './load/flood.js';
import { watchMemory } from './load/memory.js';
import { embeddedPostgres, kafka, rabbitmq, type Store } from './stores.js';
import { World } from './world.js';

/** By hand: as long as one likes, and on which store. */
const { OVERLOAD_SECONDS = '8', OVERLOAD_TRANSPORT = 'postgres' } = process.env;
const SECONDS = Number(OVERLOAD_SECONDS);
const STORES: Readonly<Record<string, () => Promise<Store>>> = { postgres: embeddedPostgres, rabbitmq, kafka };
const MOST_UNSETTLED = 500;
const CLIENTS = 100;
/** A process begins with some 150 MB. */
const MOST_MB = 600;

describe('under more orders than the system gets done', () => {
  let store: Store;
  let world: World;
  let failed = false;

  beforeAll(async () => {
    store = await STORES[OVERLOAD_TRANSPORT]!();
    world = await World.start(store, {
      // A crash must not be made up for by a new start.
      supervise: false,
      env: { ORDERS_MAX_UNSETTLED: String(MOST_UNSETTLED), LOG_LEVEL: 'warn' },
    });
    await world.setStock('mug-blue', 1_000_000);
  });
  afterAll(async () => {
    await world?.stop(failed);
    await store?.stop();
  });

  it('most are told to come again, those taken settle, memory stays flat and nothing crashes', async () => {
    onTestFailed(() => void (failed = true));
    const before = await stockOf(world);
    const memory = watchMemory(world);
    const { statuses, accepted, turnedAway } = await flood(world.platform.url('order'), CLIENTS, SECONDS);
    const floodedAt = performance.now();
    world.placed.push(...accepted);
    await world.untilAllSettled();
    const seen = memory.stop();

    const [taken = 0, shed = 0] = [statuses.get(202), statuses.get(503)];
    const mostMb = Math.max(...seen.flatMap((sizes) => [...sizes.values()]));
    process.stdout.write(
      `  ${taken} orders taken and ${shed} turned away in ${SECONDS} s, all settled ${Math.round((performance.now() - floodedAt) / 1000)} s later; ` +
        `megabytes: ${[...seen[0]!.keys()].map((label) => `${label} ${growth(seen, label)}`).join(', ')}\n`,
    );
    expect(new Set(statuses.keys())).toEqual(new Set([202, 503]));
    expect(Number(turnedAway?.headers['retry-after'])).toBeGreaterThan(0);
    expect(turnedAway?.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(mostMb).toBeLessThan(MOST_MB);
    expect([...seen.at(-1)!.keys()].toSorted()).toEqual([...seen[0]!.keys()].toSorted());
    expect(await violations(world, before)).toEqual([]);
  });
});

/** Megabytes of one process, at six moments from begin to end. */
function growth(seen: readonly ReadonlyMap<string, number>[], label: string): string {
  const moments = [0, 0.2, 0.4, 0.6, 0.8, 1].map((part) => seen[Math.floor(part * (seen.length - 1))]?.get(label));
  return moments.join(' ');
}
