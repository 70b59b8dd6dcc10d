import { Module } from '@nestjs/common';
import { pino } from 'pino';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { startProxyTo, type Proxy } from '#libs/messaging/testing';
import { withClient } from '../../../tools/postgres/connect.js';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { startForTest } from '../testing/index.js';
import { openDatabase } from './database.js';
import { definitionOf } from './definition.js';
import { Service } from './index.js';
import { readSettings } from './settings.js';

let underWay = Promise.withResolvers<void>();

/** As over a table that has grown. */
class Slow1700000000100 {
  async up(runner: { query(sql: string): Promise<unknown> }) {
    underWay.resolve();
    await runner.query('create table effect as select clock_timestamp() from pg_sleep(1)');
  }
  async down() {}
}

@Service({ name: 'inventory', title: 'Probe', port: 0, migrations: [Slow1700000000100] })
@Module({})
class ProbeModule {}

let begun = 0;
let goOn = Promise.withResolvers<void>();

class CreatePrice1700000000100 {
  async up(runner: { query(sql: string): Promise<unknown> }) {
    await runner.query('create table price as select 1 as cents');
  }
  async down() {}
}

/** Not to be done twice. */
class Double1700000000200 {
  async up(runner: { query(sql: string): Promise<unknown> }) {
    begun++;
    await runner.query('update price set cents = cents * 2');
    underWay.resolve();
    await goOn.promise;
  }
  async down() {}
}

@Service({
  name: 'inventory',
  title: 'Probe',
  port: 0,
  migrations: [CreatePrice1700000000100, Double1700000000200],
})
@Module({})
class DoublingModule {}

/** So that the table can be written meanwhile: never in a transaction, and it waits for all that see an older state. */
class IndexConcurrently1700000000200 {
  readonly transaction = false;
  async up(runner: { query(sql: string): Promise<unknown> }) {
    underWay.resolve();
    await goOn.promise;
    await runner.query('create index concurrently price_by_cents on price (cents)');
  }
  async down() {}
}

const open: (() => Promise<void>)[] = [];
let proxy: Proxy;
let url: string;
let directUrl: string;

beforeEach(async () => {
  underWay = Promise.withResolvers();
  goOn = Promise.withResolvers();
  begun = 0;
  const fresh = await freshDatabase();
  directUrl = fresh.url;
  ({ proxy, url } = await startProxyTo(directUrl));
  open.push(fresh.drop, proxy.close);
});
afterAll(async () => {
  for (const close of open.toReversed()) await close();
});

it('a migration may take longer than a reaction', async () => {
  const service = await startForTest(ProbeModule, { url, variables: { REACTION_TIMEOUT_MS: '200' } });
  expect(await service.query('select count(*)::int as rows from effect')).toEqual([{ rows: 1 }]);
  await service.close();
});

it('a connection that is lost amid a migration ends the start with its error, and the next start migrates', async () => {
  const cut = underWay.promise.then(() => proxy.cut());
  await expect(startForTest(ProbeModule, { url })).rejects.toThrow(/terminated|ECONNRESET/);
  await cut;
  await proxy.restore();
  const service = await startForTest(ProbeModule, { url });
  expect(await service.query('select count(*)::int as rows from effect')).toEqual([{ rows: 1 }]);
  await service.close();
});

const HOLDER = `select pid from pg_locks join pg_database on oid = database
  where datname = current_database() and locktype = 'advisory' and granted`;
const WAITING = `select from pg_stat_activity
  where datname = current_database() and query like 'select pg%advisory_lock(%'`;

it('a migration is applied once, also where another replica waits for it and the connection with the lock is lost', () =>
  withClient(directUrl, async (watcher) => {
    const first = startForTest(DoublingModule, { url });
    await underWay.promise;
    const second = startForTest(DoublingModule, { url });
    await expect.poll(async () => (await watcher.query(WAITING)).rowCount).toBe(1);
    await watcher.query(`select pg_terminate_backend(pid) from (${HOLDER}) as holder`);
    await expect.poll(() => begun).toBe(2);
    goOn.resolve();
    const ended = await Promise.allSettled([first, second]);
    for (const one of ended) if (one.status === 'fulfilled') await one.value.close();
    expect((await watcher.query('select cents from price')).rows).toEqual([{ cents: 2 }]);
    expect(ended.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  }));

it('a replica that waits says so once, and an index is built concurrently meanwhile', () =>
  withClient(directUrl, async (watcher) => {
    const lines: unknown[] = [];
    const log = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
    const { settings } = readSettings(definitionOf(ProbeModule), { DATABASE_URL: url });
    const start = () => openDatabase(settings, [CreatePrice1700000000100, IndexConcurrently1700000000200], log);
    const first = start();
    await underWay.promise;
    const second = start();
    await expect.poll(async () => (await watcher.query(WAITING)).rowCount).toBe(1);
    goOn.resolve();
    const ended = await Promise.allSettled([first, second]);
    for (const one of ended) if (one.status === 'fulfilled') await one.value.destroy();
    expect(ended).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }]);
    expect(lines).toEqual([expect.objectContaining({ event: 'waiting_for_migration' })]);
  }));
