import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../tools/postgres/connect.js';
import { eventually } from '#libs/messaging/testing';
import { afterTests } from './after-tests.js';
import { embeddedPostgres } from './stores.js';
import { World, type OrderView } from './world.js';

/** `DEAD_LETTERS=1000` is the full measure, with its bound on how long orders take meanwhile. */
const LETTERS = Number(process.env['DEAD_LETTERS'] ?? 200);
const FULL = 1_000;
const RATE = 50;
/** Orders a second that flow meanwhile. */
const FLOW = 20;

const program = fileURLToPath(new URL('../dist/tools/dlq/main.js', import.meta.url));

/** A release of shipping with a mistake: all that it reacts to is set aside, two letters an order. Then it is mended, and they are replayed. */
describe('dead letters of a whole service', () => {
  let world: World;

  beforeAll(async () => {
    const env = { RETRY_ATTEMPTS: '2', RETRY_BASE_MS: '10' };
    world = await World.start(await embeddedPostgres(), { env });
    await world.setStock('mug-blue', 100_000);
  });
  afterTests((failed) => world?.stop(failed));

  const query = <Row extends object>(sql: string): Promise<Row[]> =>
    withClient(world.platform.databaseUrl('shipping'), async (client) => (await client.query<Row>(sql)).rows);
  const open = async () =>
    (await query<{ n: number }>(`select count(*)::int as n from dead_letter where state = 'open'`))[0]!.n;
  const dlq = (command: string, ...args: string[]) =>
    run([command, '--service', 'shipping', '--url', world.platform.url('shipping'), ...args]);

  const breakAndMend = async () => {
    await query('alter table shipment rename to shipment_mistaken');
    const orders = await world.placeMany(LETTERS / 2, () => ({}));
    await eventually(async () => (await open()) === LETTERS, 'all set aside', 120_000);
    await query('alter table shipment_mistaken rename to shipment');
    return orders;
  };

  /** Places so many orders a second, and tells how long each took to settle, in milliseconds. */
  const flow = async (seconds: number): Promise<number[]> => {
    const orders: Promise<string>[] = [];
    const beganAt = performance.now();
    for (let n = 0; n < seconds * FLOW; n++) {
      await pause(Math.max(0, beganAt + (n * 1_000) / FLOW - performance.now()));
      orders.push(world.place());
    }
    const settled = await world.untilAllSettled(await Promise.all(orders));
    return settled.map((order) => {
      const { placedAt, settledAt } = order as OrderView & { placedAt: string; settledAt: string };
      return Date.parse(settledAt) - Date.parse(placedAt);
    });
  };

  it('are replayed while orders flow, at the rate, each with its effect once', async () => {
    const seconds = LETTERS / RATE;
    await flow(2);
    const without = await flow(seconds);
    const hanging = await breakAndMend();
    const { stdout: groups } = await dlq('groups');
    expect(groups.trim().split('\n')).toHaveLength(3);
    expect(groups).toMatch(new RegExp(`${LETTERS / 2} +order\\.placed +out_of_attempts.*shipment`));
    const replaying = dlq('replay', '--all', '--rate', String(RATE));
    const meanwhile = await flow(seconds);
    expect((await replaying).stdout).toContain(`${LETTERS} of ${LETTERS} handled, 0 failed again.`);
    const [took] = await query<{ s: number }>(
      'select extract(epoch from max(closed_at) - min(closed_at))::float8 as s from dead_letter',
    );
    expect(took!.s).toBeGreaterThan(0.9 * seconds - 1);
    expect((await world.untilAllSettled(hanging)).map(({ status }) => status)).toEqual(hanging.map(() => 'completed'));
    expect(await query(`select order_id from shipment group by order_id having count(*) > 1`)).toEqual([]);
    const [p95Without, p95Meanwhile] = [percentile95(without), percentile95(meanwhile)];
    process.stdout.write(`orders settled in ${p95Without} ms (p95), during the replay in ${p95Meanwhile} ms\n`);
    if (LETTERS >= FULL) expect(p95Meanwhile).toBeLessThan(2 * p95Without);
  });

  it('are replayed to the end though the service is killed amid it', async () => {
    const hanging = await breakAndMend();
    const begun = dlq('replay', '--all', '--rate', String(RATE));
    await eventually(async () => (await open()) === 0, 'the replay begun');
    const left = async () =>
      (await query<{ n: number }>(`select count(*)::int as n from dead_letter where state = 'replaying'`))[0]!.n;
    await eventually(async () => (await left()) < 0.7 * LETTERS, 'a good part replayed');
    await world.platform.kill('shipping');
    const { stderr } = await begun;
    expect(stderr).toMatch(/--resume \d+/);
    const [, replayId = ''] = /--resume (\d+)/.exec(stderr)!;
    await world.platform.ready('shipping');
    const { stdout } = await dlq('replay', '--resume', replayId);
    expect(stdout).toContain(`${LETTERS} of ${LETTERS} handled, 0 failed again.`);
    expect((await world.untilAllSettled(hanging)).map(({ status }) => status)).toEqual(hanging.map(() => 'completed'));
  });
});

function percentile95(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.ceil(values.length * 0.95) - 1]!;
}

function run(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const { OPS_TOKEN: _, FORCE_COLOR: __, ...rest } = process.env;
  const env = { ...rest, NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env }, (_error, stdout, stderr) => resolve({ stdout, stderr }));
  });
}
