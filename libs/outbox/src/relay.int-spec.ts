import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MessagingMetrics, type OutgoingMessage, type Publisher } from '#libs/messaging';
import { eventually, silent, startProxyTo, type Proxy } from '#libs/messaging/testing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { CreateOutbox1700000000001 } from './create-outbox.js';
import { Outbox } from './outbox.js';
import { Relay, type RelayOptions } from './relay.js';

/** A store that keeps what it confirmed and can be told to refuse: everything, or what lies in a call from some body on. */
class Shelf implements Publisher {
  readonly stored: OutgoingMessage[] = [];
  refusing = false;
  unwanted: readonly string[] = [];
  refusals = 0;
  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    const refused = messages.findIndex(({ body }) => this.refusing || this.unwanted.includes(body.toString()));
    this.stored.push(...messages.slice(0, refused < 0 ? messages.length : refused));
    if (refused < 0) return;
    this.refusals++;
    throw new Error('the store is down, or refuses');
  }
  async close(): Promise<void> {}
}

describe('Relay', () => {
  let database: DataSource;
  let url: string;
  let drop: () => Promise<void>;
  let relays: Relay[] = [];
  let shelf: Shelf;

  beforeEach(async () => {
    ({ url, drop } = await freshDatabase());
    database = await new DataSource({ type: 'postgres', url, migrations: [CreateOutbox1700000000001] }).initialize();
    await database.runMigrations();
    shelf = new Shelf();
    relays = [];
  });

  afterEach(async () => {
    for (const relay of relays) await relay.stop();
    await database.destroy();
    await drop();
  });

  const start = (publisher: Publisher = shelf, pollMs = 50, more: Partial<RelayOptions> = {}) => {
    const relay = new Relay({
      url,
      publisher,
      log: pino({ level: 'silent' }),
      metrics: new MessagingMetrics('test', 'test'),
      system: 'test',
      pollMs,
      ...more,
    });
    relays.push(relay);
    relay.start();
    return relay;
  };

  const write = (
    key: string,
    body: string,
    on: { query(sql: string, values: unknown[]): Promise<unknown> } = database,
  ) =>
    on.query(
      `insert into outbox (message_id, topic, type, key, headers, body) values (gen_random_uuid(), 't', 'x', $1, '{}', $2)`,
      [key, Buffer.from(body)],
    );

  /** Of a key each, or all of one. */
  const writeMany = (count: number, key = `'k' || n`) =>
    database.query(`insert into outbox (message_id, topic, type, key, headers, body)
      select gen_random_uuid(), 't', 'x', ${key}, '{}', n::text::bytea from generate_series(1, ${count}) n`);

  const outbox = new Outbox('test');
  const outgoing = (body: string) => ({
    id: randomUUID(),
    topic: 't',
    type: 'x',
    key: 'k',
    headers: {},
    body: Buffer.from(body),
  });
  const commit = async (...all: string[]) =>
    (await database.transaction((tx) => outbox.write(tx, all.map(outgoing)))).rows;

  const bodies = () => shelf.stored.map((message) => message.body.toString());
  const left = async () => Number((await database.query<{ n: string }[]>('select count(*) as n from outbox'))[0]?.n);

  it('publishes what was written before it started, in order per key, and empties the outbox', async () => {
    for (let n = 0; n < 30; n++) await write(`key-${n % 3}`, String(n));
    start();
    await eventually(async () => (await left()) === 0, 'the outbox is empty');
    for (const key of ['key-0', 'key-1', 'key-2']) {
      const order = shelf.stored
        .filter((message) => message.key === key)
        .map((message) => Number(message.body.toString()));
      expect(order).toEqual(order.toSorted((a, b) => a - b));
    }
    expect(shelf.stored).toHaveLength(30);
  });

  it('has what piles up go out on a beat, the first of it at once, and the rest when it stops', async () => {
    await writeMany(3);
    const relay = start(shelf, 20, { beatMs: 600_000 });
    await eventually(() => shelf.stored.length === 3, 'published at once');
    await writeMany(5);
    await eventually(async () => (await left()) === 5, 'what went out is deleted');
    expect(shelf.stored).toHaveLength(3);
    await relay.stop();
    expect(shelf.stored).toHaveLength(8);
  });

  it('keeps nothing waiting for a beat that would fill a publish', async () => {
    await writeMany(3);
    start(shelf, 20, { beatMs: 600_000 });
    await eventually(() => shelf.stored.length === 3, 'published at once');
    await writeMany(200);
    await eventually(() => shelf.stored.length === 203, 'published, too');
  });

  it('adds the id of the row as sequence', async () => {
    await write('a', 'one');
    start();
    await eventually(() => shelf.stored.length === 1, 'published');
    expect(shelf.stored[0]?.headers['sequence']).toBe('1');
  });

  it('publishes a row whose transaction commits after one with a higher id', async () => {
    start();
    const slow = new Client({ connectionString: url });
    await slow.connect();
    await slow.query('begin');
    await write('slow', 'low id', slow);
    await write('fast', 'high id');
    await eventually(() => shelf.stored.length === 1, 'the committed one is published');
    await slow.query('commit');
    await slow.end();
    await eventually(() => shelf.stored.length === 2, 'the late one is published');
    expect(bodies()).toEqual(['high id', 'low id']);
  });

  describe('handed what was committed', () => {
    const untilWorking = async (relay: Relay) => {
      relay.wake(await commit('first'));
      await eventually(async () => (await left()) === 0, 'the first is published');
    };

    it('publishes it without looking, each once', async () => {
      const relay = start(shelf, 3_600_000);
      await untilWorking(relay);
      for (let n = 0; n < 50; n++) relay.wake(await commit(`${n}a`, `${n}b`));
      await eventually(async () => (await left()) === 0, 'the outbox is empty');
      expect(bodies()).toEqual(['first', ...Array.from({ length: 50 }, (_, n) => [`${n}a`, `${n}b`]).flat()]);
    });

    it('looks for what lies before it, such as another replica wrote', async () => {
      const relay = start(shelf, 3_600_000);
      await untilWorking(relay);
      await commit('of another replica');
      relay.wake(await commit('mine'));
      await eventually(async () => (await left()) === 0, 'the outbox is empty');
      expect(bodies()).toEqual(['first', 'of another replica', 'mine']);
    });
  });

  it('publishes all others however much waits behind a refused message, and that in order afterwards', async () => {
    const behind = 2_500;
    shelf.unwanted = ['refused'];
    const relay = start();
    relay.wake(await commit('refused'));
    await writeMany(behind, `'k'`);
    await write('b', 'other');
    await eventually(() => bodies().includes('other'), 'the other key is published');
    relay.wake(await commit('handed, 1'));
    await write('b', 'another');
    await eventually(() => bodies().includes('another'), 'the other key is published again');
    shelf.unwanted = [];
    await eventually(() => bodies().includes('refused'), 'what was refused is published');
    relay.wake(await commit('handed, 2'));
    await eventually(async () => (await left()) === 0, 'the outbox is empty', 60_000);
    const rest = Array.from({ length: behind }, (_, n) => String(n + 1));
    expect(bodies()).toEqual(['other', 'another', 'refused', ...rest, 'handed, 1', 'handed, 2']);
  });

  it('keeps rows while the store refuses them, and their order afterwards', async () => {
    shelf.refusing = true;
    start();
    for (let n = 0; n < 5; n++) await write('a', String(n));
    await eventually(() => shelf.refusals > 1, 'the store refused, again and again');
    expect(await left()).toBe(5);
    shelf.refusing = false;
    await eventually(async () => (await left()) === 0, 'the outbox is empty');
    expect(bodies()).toEqual(['0', '1', '2', '3', '4']);
  });

  describe('of which the store refuses some', () => {
    const refusedAgain = async (times: number) => {
      const before = shelf.refusals;
      await eventually(() => shelf.refusals >= before + times, 'refused again');
    };

    it('publishes all others, and each of them no more once they are stored', async () => {
      shelf.unwanted = ['150'];
      await writeMany(600);
      start();
      await eventually(async () => (await left()) === 1, 'all but the refused one are published');
      const { length } = shelf.stored;
      await refusedAgain(2);
      expect(shelf.stored).toHaveLength(length);
    });

    it('keeps what follows it of its key, and the order of both', async () => {
      shelf.unwanted = ['first'];
      await write('a', 'first');
      await write('b', 'other');
      await write('a', 'second');
      start();
      await eventually(() => bodies().includes('other'), 'the other key is published');
      await refusedAgain(2);
      expect(bodies()).not.toContain('second');
      shelf.unwanted = [];
      await eventually(async () => (await left()) === 0, 'the outbox is empty');
      expect(bodies().slice(-2)).toEqual(['first', 'second']);
    });

    it('publishes what comes later at once, though nothing but the refused one was tried for long', async () => {
      shelf.unwanted = ['bad'];
      await write('a', 'bad');
      const relay = start();
      await refusedAgain(5);
      const startedAt = Date.now();
      await write('b', 'good');
      await eventually(() => bodies().includes('good'), 'the later one is published');
      expect(Date.now() - startedAt).toBeLessThan(1_500);
      await relay.stop();
      expect(await left()).toBe(1);
    });

    it('publishes what comes later though several are refused', async () => {
      shelf.unwanted = ['3', '4', '5'];
      await writeMany(5);
      start();
      await refusedAgain(8);
      await write('b', 'good');
      await eventually(() => bodies().includes('good'), 'the later one is published');
      await eventually(async () => (await left()) === 3, 'only the refused ones are left');
    });
  });

  it('lets one replica work and another take over', async () => {
    const first = start();
    await write('a', 'one');
    await eventually(() => shelf.stored.length === 1, 'the first publishes');
    const other = new Shelf();
    start(other);
    await first.stop();
    await write('a', 'two');
    await eventually(() => other.stored.length === 1, 'the second took over');
    expect(shelf.stored).toHaveLength(1);
  });

  it('goes on after its connection was ended', async () => {
    start();
    await write('a', 'one');
    await eventually(() => shelf.stored.length === 1, 'published');
    await database.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'relay'`);
    await write('a', 'two');
    await eventually(() => bodies().includes('two'), 'published after the interruption');
  });

  describe('on a connection that falls silent', () => {
    const answerTimeoutMs = 1_500;
    let proxy: Proxy;
    let warnings: string[];

    beforeEach(async () => {
      const through = await startProxyTo(url);
      ({ proxy } = through);
      warnings = [];
      const log = { ...silent, warn: (_: object, line: string) => void warnings.push(line) };
      start(shelf, 50, { url: through.url, answerTimeoutMs, log });
      await write('a', 'one');
      await eventually(async () => (await left()) === 0, 'the first is published');
    });
    afterEach(() => proxy.close());

    /** Of the outbox: a session of the server's. */
    const holder = async () =>
      (
        await database.query<{ pid: number; ageMs: number }[]>(
          `select pid, extract(epoch from now() - backend_start)::float8 * 1000 as "ageMs"
           from pg_locks join pg_database d on d.oid = database join pg_stat_activity using (pid)
           where locktype = 'advisory' and granted and d.datname = current_database()`,
        )
      )[0]!;

    it('says so, and goes on once the database can be reached', async () => {
      await proxy.hang();
      await write('a', 'two');
      await eventually(() => warnings.some((line) => line.includes('Query read timeout')), 'the silence is noticed');
      await proxy.restore();
      await eventually(() => bodies().includes('two'), 'published after the silence');
    });

    it('loses its hold on the outbox to another replica', async () => {
      const other = new Shelf();
      start(other, 50, { answerTimeoutMs });
      await proxy.hang();
      await write('a', 'two');
      await eventually(() => other.stored.length === 1, 'the second took over');
      expect(shelf.stored).toHaveLength(1);
    });

    it('keeps it while the store takes nothing for long, and much waits', async () => {
      shelf.refusing = true;
      const other = new Shelf();
      start(other, 50, { answerTimeoutMs });
      await writeMany(2_000);
      const { pid } = await holder();
      await eventually(async () => (await holder()).ageMs > 3 * answerTimeoutMs, 'much time has passed');
      expect((await holder()).pid).toBe(pid);
      // Four publishes in halves when it began, since then one at a time and ever more rarely.
      expect(shelf.refusals).toBeLessThan(60);
      expect(other.stored).toEqual([]);
    });
  });
});
