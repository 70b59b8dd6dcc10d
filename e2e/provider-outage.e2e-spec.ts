import { setTimeout as pause } from 'node:timers/promises';
import { beforeAll, expect, it } from 'vitest';
import { describeAtLength } from '../tools/docker/available.js';
import { afterTests } from './after-tests.js';
import { stockOf, violations } from './invariants.js';
import { drizzle } from './load/flood.js';
import { embeddedPostgres } from './stores.js';
import { World, type OrderRequest } from './world.js';

/** By hand: as long as one likes. */
const OUTAGE_S = Number(process.env['OUTAGE_SECONDS'] ?? 8);
const ORDERS_PER_S = 20;
const BEFORE_S = 3;
const MIX: readonly OrderRequest[] = [{}, {}, { token: 'tok_declined' }, { country: 'AQ' }, { token: 'tok_flaky' }];

await describeAtLength('while the payment provider is down', () => {
  let world: World;

  beforeAll(async () => {
    world = await World.start(await embeddedPostgres());
    await world.setStock('mug-blue', 100_000);
  });
  afterTests((failed) => world?.stop(failed));

  const switches = (now: object) =>
    fetch(`${world.platform.url('payment-provider')}/switches`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(now),
    });
  const metric = async (name: string) => {
    const text = await (await fetch(`${world.platform.url('payment')}/metrics`)).text();
    return text.split('\n').flatMap((line) => (line.startsWith(name) ? [Number(line.split(' ').at(-1))] : []))[0];
  };
  const readiness = async () => {
    const response = await fetch(`${world.platform.url('payment')}/health/ready`);
    return { http: response.status, ...((await response.json()) as { status: string }) };
  };

  it(`of ${OUTAGE_S} s, orders are taken at ${ORDERS_PER_S}/s, wait, and settle after it: no dead letter, no charge twice`, async () => {
    const before = await stockOf(world);
    const placing = drizzle(
      world.platform.url('order'),
      ORDERS_PER_S,
      BEFORE_S + OUTAGE_S + 2,
      (n) => MIX[n % MIX.length]!,
    );
    await pause(BEFORE_S * 1000);
    await switches({ outage: true });
    await expect.poll(() => metric('farandole_breaker_state'), { timeout: 15_000 }).toBeGreaterThan(0);
    expect(await readiness()).toMatchObject({ http: 200, status: 'degraded' });
    const waiting = await world.place();
    await world.until(waiting, 'reserved', 10_000);
    await expect.poll(() => world.get('payment', `/payments/${waiting}`)).toMatchObject({ status: 'charging' });
    await pause(Math.max(0, OUTAGE_S * 1000 - 3_000));
    expect((await world.order(waiting)).status).toBe('reserved');
    await switches({});

    const answers = await placing;
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    world.placed.push(...answers.map(({ body }) => body.orderId!));
    const restoredAt = performance.now();
    await world.untilAllSettled();
    process.stdout.write(
      `  ${world.placed.length} orders, settled ${Math.round((performance.now() - restoredAt) / 1000)} s after the last was placed\n`,
    );
    expect(await violations(world, before)).toEqual([]);
    expect(
      await metric('farandole_command_attempts_total{farandole_message_type="payment.charge",outcome="postponed"}'),
    ).toBeGreaterThan(0);
    await expect.poll(async () => (await readiness()).status).toBe('ok');
  });
});
