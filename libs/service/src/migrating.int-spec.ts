import { Module } from '@nestjs/common';
import { afterAll, beforeEach, expect, it } from 'vitest';
import { startProxyTo, type Proxy } from '#libs/messaging/testing';
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

const open: (() => Promise<void>)[] = [];
let proxy: Proxy;
let url: string;

beforeEach(async () => {
  underWay = Promise.withResolvers();
  const fresh = await freshDatabase();
  ({ proxy, url } = await startProxyTo(fresh.url));
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
