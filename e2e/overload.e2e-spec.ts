import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { describeAtLength } from '../tools/docker/available.js';
import { afterTests } from './after-tests.js';
import { stockOf, violations } from './invariants.js';
import { flood } from './load/flood.js';
import { watchMemory } from './load/memory.js';
import { embeddedPostgres, kafka, rabbitmq, type Store } from './stores.js';
import { World } from './world.js';

/** By hand: as long as one likes, and on which store. */
const { OVERLOAD_SECONDS = '8', OVERLOAD_TRANSPORT = 'postgres' } = process.env;
const SECONDS = Number(OVERLOAD_SECONDS);
const STORES: Readonly<Record<string, () => Promise<Store>>> = { postgres: embeddedPostgres, rabbitmq, kafka };
const CLIENTS = 100;
/** So few that what all clients send at once is more, even on a machine that is busy with other things. */
const MOST_UNSETTLED = CLIENTS / 4;
/** A process begins with some 150 MB. */
const MOST_MB = 600;
/** From then on it can be told whether memory only fills up, or grows. */
const LONG_S = 120;

await describeAtLength('under more orders than the system gets done', () => {
  let store: Store;
  let world: World;

  beforeAll(async () => {
    store = await STORES[OVERLOAD_TRANSPORT]!();
    world = await World.start(store, {
      // A crash must not be made up for by a new start.
      supervise: false,
      env: { ORDERS_MAX_UNSETTLED: String(MOST_UNSETTLED), LOG_LEVEL: 'warn' },
    });
    await world.setStock('mug-blue', 1_000_000);
  });
  afterTests(async (failed) => {
    await world?.stop(failed);
    await store?.stop();
  });

  const timeout = SECONDS * 1_000 + 300_000;
  it(
    'most are told to come again, those taken settle, memory stays flat and nothing crashes',
    { timeout },
    async () => {
      const before = await stockOf(world);
      const memory = watchMemory(world);
      onTestFinished(() => void memory.stop());
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
      if (SECONDS >= LONG_S) expect([...seen[0]!.keys()].filter((label) => !isFlat(seen, label))).toEqual([]);
      expect([...seen.at(-1)!.keys()].toSorted()).toEqual([...seen[0]!.keys()].toSorted());
      expect(await violations(world, before)).toEqual([]);
    },
  );
});

type Seen = readonly ReadonlyMap<string, number>[];

/** Megabytes of one process, at six moments from begin to end. */
function growth(seen: Seen, label: string): string {
  return [0, 0.2, 0.4, 0.6, 0.8, 1].map((part) => megabytesAt(seen, label, part)).join(' ');
}

/** Whether the second half added next to nothing. */
function isFlat(seen: Seen, label: string): boolean {
  return megabytesAt(seen, label, 1) < 1.2 * megabytesAt(seen, label, 0.5);
}

function megabytesAt(seen: Seen, label: string, part: number): number {
  return seen[Math.floor(part * (seen.length - 1))]?.get(label) ?? Number.NaN;
}
