import { Module } from '@nestjs/common';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { startProxyTo, type Proxy } from '#libs/messaging/testing';
import { withClient } from '../../../tools/postgres/connect.js';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { startForTest } from '../testing/index.js';
import { Service } from './index.js';

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

const LOCKS = `select pid, granted from pg_locks join pg_database on oid = database
  where datname = current_database() and locktype = 'advisory' order by granted`;

it('a migration is applied once, also where another replica waits for it and the connection with the lock is lost', () =>
  withClient(directUrl, async (watcher) => {
    const locks = async () => (await watcher.query<{ pid: number; granted: boolean }>(LOCKS)).rows;
    const first = startForTest(DoublingModule, { url });
    await underWay.promise;
    const second = startForTest(DoublingModule, { url });
    await expect.poll(locks).toMatchObject([{ granted: false }, { granted: true }]);
    await watcher.query('select pg_terminate_backend($1)', [(await locks())[1]!.pid]);
    await expect.poll(() => begun).toBe(2);
    goOn.resolve();
    const ended = await Promise.allSettled([first, second]);
    for (const one of ended) if (one.status === 'fulfilled') await one.value.close();
    expect((await watcher.query('select cents from price')).rows).toEqual([{ cents: 2 }]);
    expect(ended.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  }));
