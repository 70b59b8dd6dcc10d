import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Client } from 'pg';
import { v7 } from 'uuid';
import type { Delivery, OutgoingMessage, Subscription } from '#libs/messaging';
import { eventually, resolves, silent, startProxyTo } from '#libs/messaging/testing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { createPostgresTransport, type PostgresSettings } from './index.js';
import { Session } from './session.js';

const reader: Subscription = { service: 'reader', sources: [{ topic: 'order.events', type: 'order.placed' }] };

test('a replica that nothing is heard of is replaced, and cannot move the cursor any more', async () => {
  const { url } = await database();
  const { url: proxied, proxy } = await startProxyTo(url);
  onTestFinished(() => proxy.close());
  const gate = Promise.withResolvers<void>();
  const [cutOff, survivor]: [Delivery[], Delivery[]] = [[], []];
  await replica(proxied, async (batch) => {
    cutOff.push(...batch);
    await gate.promise;
  });
  await replica(url, async (batch) => void survivor.push(...batch));

  await publish(url, 3);
  await eventually(() => cutOff.length > 0, 'the first replica at work');
  await proxy.hang();
  await eventually(() => survivor.length === 3, 'the second replica in its place', 30_000);
  gate.resolve();
  await publish(url, 3);
  await eventually(() => survivor.length === 6, 'everything going on', 30_000);
  expect(new Set(survivor.map(({ id }) => id)).size).toBe(6);
});

test('a replica that is cut off while it prepares the log holds up no other', async () => {
  const { url, client } = await database();
  await connect(url).ping();
  const { url: proxied, proxy } = await startProxyTo(url);
  onTestFinished(() => proxy.close());
  await client.query('begin; lock table cursor');
  const cutOff = connect(proxied, { answerTimeoutMs: 5_000 }).ping();
  cutOff.catch(() => {});
  const waits = "select from pg_locks where relation = 'cursor'::regclass and not granted";
  await eventually(async () => (await client.query(waits)).rowCount === 1, 'the replica at the cursors');
  await proxy.hang();
  await client.query('commit');
  const other = connect(url);
  await eventually(() => resolves(other.ping()), 'another replica', 10_000);
});

test('a cursor that is set back by hand makes the service read again from there', async () => {
  const { url, client } = await database();
  const got: Delivery[] = [];
  await replica(url, async (batch) => void got.push(...batch));
  await publish(url, 3);
  await eventually(() => got.length === 3, 'three deliveries');
  await eventually(async () => (await client.query('select from cursor where position = 3')).rowCount === 1, 'settled');
  await client.query('update cursor set position = 1');
  await publish(url, 1);
  await eventually(() => got.length >= 6, 'the last two once more, and the new one');
  expect(got.slice(-3).map(({ origin }) => origin)).toEqual(['position 2', 'position 3', 'position 4']);
});

test('keeps its session through slow batches and rare polls, though nobody has anything to say', async () => {
  const { url, client } = await database();
  const sessions = async () => {
    const all =
      "select pid from pg_stat_activity where datname = current_database() and application_name like '% subscribe %'";
    return (await client.query<{ pid: number }>(all)).rows;
  };
  const got: Delivery[] = [];
  const handle = async (batch: readonly Delivery[]) => {
    got.push(...batch);
    await pause(7_000);
  };
  await replica(url, handle, { pollMs: 60_000, answerTimeoutMs: 3_000 });
  const before = await sessions();
  expect(before).toHaveLength(1);
  await publish(url, 1);
  await eventually(async () => (await client.query('select from cursor where position = 1')).rowCount === 1, 'settled');
  await pause(7_000);
  expect(await sessions()).toEqual(before);
  expect(got).toHaveLength(1);
});

test('stand-bys ask for the service no more often for what is published', async () => {
  const { url } = await database();
  const got: Delivery[] = [];
  await replica(url, async (batch) => void got.push(...batch));
  await replica(url, async () => {});
  const publisher = await connect(url).publisher();
  onTestFinished(() => publisher.close());
  const query = vi.spyOn(Session.prototype, 'query');
  onTestFinished(() => query.mockRestore());
  const start = Date.now();
  for (let n = 0; n < 200; n++) await publisher.publish(messages(1));
  await eventually(() => got.length === 200, 'all delivered');
  const asked = query.mock.calls.filter((call) => JSON.stringify(call).includes('pg_try_advisory_lock'));
  expect(asked.length).toBeLessThanOrEqual((Date.now() - start) / 250 + 1);
});

test('works for a service that the topology does not name', async () => {
  const { url } = await database();
  const got: Delivery[] = [];
  await publish(url, 1);
  await replica(url, async (batch) => void got.push(...batch), {}, { ...reader, service: 'unnamed' });
  await eventually(() => got.length === 1, 'the delivery', 5_000);
});

async function database() {
  const { url, drop } = await freshDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await drop();
  });
  return { url, client };
}

function connect(url: string, settings: Partial<PostgresSettings> = {}) {
  const options = { topology: [reader], maxBatch: 100, instance: v7(), log: silent };
  const transport = createPostgresTransport({ url, answerTimeoutMs: 2_000, ...settings }, options);
  onTestFinished(() => transport.close());
  return transport;
}

async function replica(
  url: string,
  handle: (batch: readonly Delivery[]) => Promise<void>,
  settings: Partial<PostgresSettings> = {},
  to = reader,
): Promise<void> {
  const subscriber = await connect(url, settings).subscriber();
  onTestFinished(() => subscriber.close());
  await subscriber.subscribe(to, handle);
}

async function publish(url: string, count: number): Promise<void> {
  const publisher = await connect(url).publisher();
  await publisher.publish(messages(count));
  await publisher.close();
}

function messages(count: number): OutgoingMessage[] {
  const [topic, type, body] = ['order.events', 'order.placed', Buffer.from('{}')];
  return Array.from({ length: count }, () => ({ id: v7(), topic, type, key: 'k', headers: {}, body }));
}
