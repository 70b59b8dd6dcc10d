import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { services } from '../tools/platform/apps.js';
import { afterTests } from './after-tests.js';
import { embeddedPostgres } from './stores.js';
import { bodyOf, World, type OrderRequest } from './world.js';

const OPS_TOKEN = 'never-in-a-log-4711';
const ORDERS: readonly OrderRequest[] = [
  { token: 'tok_visa' },
  { token: 'tok_declined' },
  { token: 'tok_flaky' },
  { country: 'AQ' },
];

type Line = Readonly<Record<string, unknown>>;

describe('the logs of all services', () => {
  let world: World;
  const orders: string[] = [];

  beforeAll(async () => {
    world = await World.start(await embeddedPostgres(), { env: { OPS_TOKEN, LOG_LEVEL: 'trace' } });
    for (const request of ORDERS) orders.push(await world.place(request));
    await refused();
    await world.untilAllSettled();
  });
  afterTests((failed) => world?.stop(failed));

  /** What people get wrong: a field, the JSON, the door. */
  async function refused() {
    const order = world.platform.url('order');
    const post = (body: string) =>
      fetch(`${order}/orders`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const wrong = { ...bodyOf({}), paymentToken: '', customer: { name: 'Ada Lovelace', email: 'ada@example' } };
    expect((await post(JSON.stringify(wrong))).status).toBe(400);
    expect((await post(`${JSON.stringify(bodyOf({}))}}`)).status).toBe(400);
    const authorization = `Bearer ${OPS_TOKEN}`;
    for (const service of services)
      await fetch(`${world.platform.url(service)}/ops/nowhere`, { headers: { authorization } });
  }

  const text = async () => {
    const folder = join(world.platform.dataDir, 'logs');
    const files = await readdir(folder);
    return (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).join('\n');
  };
  const lines = async () =>
    (await text())
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Line);
  const of = (all: readonly Line[], orderId: string) => all.filter(({ order_id }) => order_id === orderId);

  it('hold no card token, no customer and no password, whatever the level', async () => {
    const written = await text();
    for (const secret of ['tok_', 'ada@example', 'Lovelace', 'Main St', OPS_TOKEN]) {
      const where = written.split('\n').filter((line) => line.includes(secret));
      expect(where, secret).toEqual([]);
    }
  });

  it('tell the way of an order by its id, its correlation and its trace', async () => {
    const about = async () => of(await lines(), orders[0]!);
    await expect
      .poll(async () => new Set((await about()).map(({ service }) => service)), { timeout: 30_000 })
      .toEqual(new Set(services));
    const { correlationId, traceId } = await world.get<Line>('order', `/orders/${orders[0]}`);
    for (const line of await about()) {
      expect(line).toMatchObject({
        level: 'info',
        event: expect.stringMatching(/^(event|command)_(published|processed)$/),
        correlation_id: correlationId,
        trace_id: traceId,
        span_id: expect.stringMatching(/^[0-9a-f]{16}$/),
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      });
    }
  });

  it('have one line per message and service at most, and none for a look at what is to do', async () => {
    const told = (await lines()).filter(({ level }) => level === 'info');
    const counts = new Map<string, number>();
    for (const { service, message_id } of told.filter((line) => line['message_id'] !== undefined)) {
      const key = `${String(service)} ${String(message_id)}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect([...counts].filter(([, count]) => count > 1)).toEqual([]);
    const others = told.filter(({ message_id }) => message_id === undefined);
    expect(others.length, JSON.stringify(others)).toBeLessThan(services.length * 5);
  });

  it('say why something is tried again', async () => {
    const retries = of(await lines(), orders[2]!).filter(({ level }) => level === 'warn');
    expect(retries.map(({ event, attempt, error }) => [event, attempt, error])).toEqual([
      ['command_retry', 1, expect.stringContaining('HTTP 503')],
      ['command_retry', 2, expect.stringContaining('HTTP 503')],
    ]);
  });
});
