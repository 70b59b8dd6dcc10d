import { afterAll, beforeAll, describe, expect, it, onTestFailed } from 'vitest';
import { stockOf, violations } from './invariants.js';
import { flood } from './load/flood.js';
import { watchMemory } from './load/memory.js';
import { embeddedPostgres } from './stores.js';
import { World } from './world.js';

/** `OVERLOAD_SECONDS=60 npm run e2e …`: as long as one likes. */
const SECONDS = Number(process.env['OVERLOAD_SECONDS'] ?? 8);
const MOST_UNSETTLED = 500;
const CLIENTS = 100;
/** A process begins with some 150 MB. */
const MOST_MB = 450;

describe('under more orders than the system gets done', () => {
  let world: World;
  let failed = false;

  beforeAll(async () => {
    world = await World.start(await embeddedPostgres(), {
      // A crash must not be made up for by a new start.
      supervise: false,
      env: { ORDERS_MAX_UNSETTLED: String(MOST_UNSETTLED), LOG_LEVEL: 'warn' },
    });
    await world.setStock('mug-blue', 1_000_000);
  });
  afterAll(() => world?.stop(failed));

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
        `megabytes: ${[...seen.at(-1)!].map(([label, mb]) => `${label} ${mb}`).join(', ')}, ${mostMb} at most\n`,
    );
    expect(new Set(statuses.keys())).toEqual(new Set([202, 503]));
    expect(Number(turnedAway?.headers['retry-after'])).toBeGreaterThan(0);
    expect(turnedAway?.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(mostMb).toBeLessThan(MOST_MB);
    expect([...seen.at(-1)!.keys()].toSorted()).toEqual([...seen[0]!.keys()].toSorted());
    expect(await violations(world, before)).toEqual([]);
  });
});
