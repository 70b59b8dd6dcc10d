import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { InMemoryTransport, startProxyTo, type Proxy } from '#libs/messaging/testing';
import { startMetrics } from '#libs/tracing';
import { withClient } from '../../../tools/postgres/connect.js';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { startForTest, type TestedService } from '../testing/index.js';
import { definitionOf } from './definition.js';
import { observeGauges } from './gauges.js';
import { Service } from './index.js';
import { readSettings } from './settings.js';

@Service({ name: 'payment', title: 'Probe', port: 0 })
@Module({})
class ProbeModule {}

let metrics: ReturnType<typeof startMetrics>;
let proxy: Proxy;
let service: TestedService;
let directUrl: string;
let drop: () => Promise<void>;

beforeAll(async () => {
  ({ url: directUrl, drop } = await freshDatabase());
  const through = await startProxyTo(directUrl);
  ({ proxy } = through);
  service = await startForTest(ProbeModule, { url: through.url });
  const { settings } = readSettings(definitionOf(ProbeModule), { DATABASE_URL: through.url });
  // Now, so that what a service that is never subscribed tells is not among it.
  metrics = startMetrics({ service: 'payment' });
  observeGauges({
    settings,
    database: service.get(DataSource),
    transport: new InMemoryTransport({ topology: [], maxBatch: 1 }),
    isReady: () => true,
    types: () => [],
  });
});
afterAll(async () => {
  await metrics.shutdown();
  await service.close();
  await proxy.close();
  await drop();
});

const DEPTH = /^farandole_outbox_depth 0$/m;

it('a service whose tables are slow to count is ready, and its depths are left out', async () => {
  expect(await metrics.render()).toMatch(DEPTH);
  await withClient(directUrl, async (client) => {
    await client.query('begin');
    await client.query('lock table outbox');
    const told = await metrics.render();
    expect(told).toMatch(/^farandole_ready 1$/m);
    expect(told).not.toContain('farandole_outbox_depth');
    await client.query('commit');
  });
  await expect.poll(() => metrics.render()).toMatch(DEPTH);
});

it('metrics do not wait for a database that is silent, and say that the service is not ready', async () => {
  await proxy.hang();
  const asked = service.query('select 1').then(
    () => 'answered',
    () => 'given up',
  );
  const told = await Promise.race([asked, metrics.render()]);
  expect(told).toMatch(/^farandole_ready 0$/m);
  expect(told).not.toContain('farandole_outbox_depth');
  await proxy.restore();
  await expect.poll(() => metrics.render()).toMatch(DEPTH);
  expect(await metrics.render()).toMatch(/^farandole_ready 1$/m);
  expect(await asked).toBe('given up');
});
