import { expect, onTestFinished, test, vi } from 'vitest';
import { Client } from 'pg';
import { v7 } from 'uuid';
import type { Delivery, OutgoingMessage, Subscription, Transport } from '#libs/messaging';
import { eventually, silent } from '#libs/messaging/testing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { createPostgresTransport, type PostgresSettings } from './index.js';
import { Link } from './link.js';

const reader: Subscription = { service: 'reader', sources: [{ topic: 'order.events', type: 'order.placed' }] };
const later: Subscription = { service: 'later', sources: reader.sources };

test('creates its tables though six processes start at once', async () => {
  const { url } = await database();
  const transports = Array.from({ length: 6 }, () => connect(url));
  await Promise.all(transports.map((transport) => transport.ping()));
  expect(await transports[0]?.backlog()).toEqual([{ service: 'reader', messages: 0 }]);
});

test('delivers to an idle service at once, without waiting for a poll', async () => {
  const { url } = await database();
  const got: Delivery[] = [];
  await subscribe(connect(url, { pollMs: 60_000 }), got);
  const publisher = await connect(url).publisher();
  onTestFinished(() => publisher.close());
  const took: number[] = [];
  for (let n = 1; n <= 50; n++) {
    const start = performance.now();
    await publisher.publish([message()]);
    while (got.length < n) await new Promise((resume) => setImmediate(resume));
    took.push(performance.now() - start);
  }
  const median = took.toSorted((a, b) => a - b)[25];
  // Some milliseconds, on a machine that has nothing else to do.
  expect(median).toBeLessThan(500);
});

test('deletes what every service has read and what is old enough, and nothing else', async () => {
  const { url, count } = await database();
  const slow: Subscription = { service: 'slow', sources: reader.sources };
  const topology = [reader, slow];
  const publisher = await connect(url, {}, topology).publisher();
  onTestFinished(() => publisher.close());
  await publisher.publish([message(), message(), message()]);
  const got: Delivery[] = [];
  await subscribe(connect(url, { retentionMs: 0, purgeEveryMs: 20 }, topology), got);
  await eventually(() => got.length === 3, 'three deliveries');
  await new Promise((resume) => setTimeout(resume, 200));
  expect(await count()).toBe(3);
  await subscribe(connect(url, {}, topology), [], slow);
  await eventually(async () => (await count()) === 0, 'all three deleted');
  await publisher.publish([message()]);
  await eventually(() => got.length === 4, 'a delivery after that');
});

test('keeps what a group that was created later has not read, though its session is lost meanwhile', async () => {
  const { url, client, count } = await database();
  const publisher = await connect(url).publisher();
  onTestFinished(() => publisher.close());
  await publisher.publish([message(), message(), message()]);
  await connect(url).createGroup(later, new Date(0));
  const gate = Promise.withResolvers<void>();
  const subscriber = await connect(url).subscriber();
  onTestFinished(async () => {
    gate.resolve();
    await subscriber.close();
  });
  let begun = false;
  await subscriber.subscribe(later, () => {
    begun = true;
    return gate.promise;
  });
  await eventually(() => begun, 'a delivery at work');
  await client.query(`update log set ${aged('stored_at')}`);
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like '% subscribe %'`,
  );
  const deleting = connect(url, { purgeEveryMs: 20 });
  const got: Delivery[] = [];
  await subscribe(deleting, got);
  await eventually(() => got.length === 3, 'three deliveries to the service of the topology');
  await eventually(async () => (await deleting.backlog())[0]?.messages === 0, 'settled');
  const looks = vi.spyOn(Link.prototype, 'query');
  onTestFinished(() => looks.mockRestore());
  await eventually(() => looks.mock.calls.length >= 5, 'several looks for what may be deleted');
  expect(await count()).toBe(3);
  gate.resolve();
  await eventually(async () => (await count()) === 0, 'all three deleted');
});

test('keeps nothing for a group that nobody worked for as long as the retention, and tells it when it reads again', async () => {
  const { url, client, count } = await database();
  const publisher = await connect(url).publisher();
  onTestFinished(() => publisher.close());
  await publisher.publish([message()]);
  await connect(url).createGroup(later, new Date(Date.now() + 60_000));
  await publisher.publish([message(), message(), message()]);
  await client.query(`update log set ${aged('stored_at')}`);
  await client.query(`update cursor set ${aged('seen_at')} where service = 'later'`);
  await subscribe(connect(url, { purgeEveryMs: 20 }), []);
  await eventually(async () => (await count()) === 0, 'all deleted');
  await publisher.publish([message()]);
  const got: Delivery[] = [];
  const warnings: string[] = [];
  const log = { ...silent, warn: (_: object, line: string) => void warnings.push(line) };
  await subscribe(connect(url, {}, [reader], 100, log), got, later);
  await eventually(() => got.length === 1, 'the message left');
  expect(warnings).toEqual(['later goes on at position 5: it was away for so long that 2 to 4 were deleted unread']);
});

test('creates no group whose messages it cannot count', async () => {
  const { url, client } = await database();
  const transport = connect(url);
  const publisher = await transport.publisher();
  onTestFinished(() => publisher.close());
  await publisher.publish([message()]);
  await client.query('alter table log rename type to kind');
  await expect(transport.createGroup(later, new Date(0))).rejects.toThrow('column "type" does not exist');
  await client.query('alter table log rename kind to type');
  expect(await transport.createGroup(later, new Date(0))).toBe(1);
});

test('sees a replica at work, however long its batch takes', async () => {
  const { url, client } = await database();
  const gate = Promise.withResolvers<void>();
  const publisher = await connect(url).publisher();
  onTestFinished(() => publisher.close());
  await publisher.publish([message()]);
  let begun = false;
  const subscriber = await connect(url).subscriber();
  onTestFinished(async () => {
    gate.resolve();
    await subscriber.close();
  });
  await subscriber.subscribe(reader, () => {
    begun = true;
    return gate.promise;
  });
  await eventually(() => begun, 'the batch at work');
  await client.query(`update cursor set ${aged('seen_at')}`);
  const seen = "select from cursor where seen_at > clock_timestamp() - interval '1 day'";
  await eventually(async () => (await client.query(seen)).rowCount === 1, 'it seen again', 20_000);
});

test('goes on with a log of before cursors told when their service was seen', async () => {
  const { url, client } = await database();
  await client.query(
    `create table cursor (service text primary key, lane integer generated always as identity, position bigint not null);
     insert into cursor (service, position) values ('reader', 0)`,
  );
  const publisher = await connect(url).publisher();
  onTestFinished(() => publisher.close());
  await publisher.publish([message()]);
  const got: Delivery[] = [];
  await subscribe(connect(url), got);
  await eventually(() => got.length === 1, 'the delivery');
});

test('keeps what every service has read until it is old enough', async () => {
  const { url, count } = await database();
  const got: Delivery[] = [];
  await subscribe(connect(url, { purgeEveryMs: 20 }), got);
  const publisher = await connect(url).publisher();
  onTestFinished(() => publisher.close());
  await publisher.publish([message()]);
  await eventually(() => got.length === 1, 'the delivery');
  await new Promise((resume) => setTimeout(resume, 200));
  expect(await count()).toBe(1);
});

test('rejects a publish that PostgreSQL cannot store, and none of those made with it', async () => {
  const { url, count } = await database();
  const publisher = await connect(url).publisher();
  onTestFinished(() => publisher.close());
  const outcomes = await Promise.allSettled(
    ['good', 'with a NUL \0', 'good too'].map((key) => publisher.publish([message({ key })])),
  );
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await count()).toBe(2);
});

test('reads on behind many messages that are of no interest', async () => {
  const { url } = await database();
  const publisher = await connect(url).publisher();
  onTestFinished(() => publisher.close());
  await publisher.publish(Array.from({ length: 25_000 }, () => message({ type: 'order.forgotten' })));
  await publisher.publish([message()]);
  const got: Delivery[] = [];
  await subscribe(connect(url), got);
  await eventually(() => got.length === 1, 'the one of interest');
});

test('hands over large messages in batches of bounded size', async () => {
  const { url } = await database();
  const publisher = await connect(url).publisher();
  onTestFinished(() => publisher.close());
  const large = Array.from({ length: 20 }, () => message({ body: Buffer.alloc(1024 * 1024) }));
  await publisher.publish(large);
  const got: Delivery[] = [];
  const sizes = await subscribe(connect(url), got);
  await eventually(() => got.length === 20, 'all');
  expect(Math.max(...sizes)).toBeLessThanOrEqual(9);
  expect(got.map(({ id }) => id)).toEqual(large.map(({ id }) => id));
});

test('ends a history whose rest was deleted meanwhile', async () => {
  const { url, clear } = await database();
  const transport = connect(url, {}, [reader], 1);
  const publisher = await transport.publisher();
  onTestFinished(() => publisher.close());
  await publisher.publish([message(), message()]);
  const history = transport.history(reader.sources, new Date(0))[Symbol.asyncIterator]();
  expect((await history.next()).value).toHaveLength(1);
  await clear();
  expect(await history.next()).toEqual({ done: true, value: undefined });
});

async function database() {
  const { url, drop } = await freshDatabase();
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(async () => {
    await client.end();
    await drop();
  });
  const count = async () => Number((await client.query<{ n: string }>('select count(*) as n from log')).rows[0]?.n);
  const clear = async () => void (await client.query('delete from log'));
  return { url, client, count, clear };
}

/** As if it had been longer ago than the retention. */
function aged(column: string): string {
  return `${column} = ${column} - interval '8 days'`;
}

function connect(
  url: string,
  settings: Partial<PostgresSettings> = {},
  topology = [reader],
  maxBatch = 100,
  log = silent,
): Transport {
  const options = { topology, maxBatch, instance: v7(), log };
  const transport = createPostgresTransport({ url, ...settings }, options);
  onTestFinished(() => transport.close());
  return transport;
}

/** Collects the deliveries; returns the sizes of the batches in which they come. */
async function subscribe(transport: Transport, got: Delivery[], to = reader): Promise<number[]> {
  const sizes: number[] = [];
  const subscriber = await transport.subscriber();
  onTestFinished(() => subscriber.close());
  await subscriber.subscribe(to, async (batch) => {
    sizes.push(batch.length);
    got.push(...batch);
  });
  return sizes;
}

function message(over: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    id: v7(),
    topic: 'order.events',
    type: 'order.placed',
    key: 'k',
    headers: {},
    body: Buffer.from('{}'),
    ...over,
  };
}
