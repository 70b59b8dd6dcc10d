import { Module } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { OrderPlaced, type Envelope } from '#libs/contracts';
import { On, Reactions } from '#libs/messaging';
import { startProxyTo, type Proxy } from '#libs/messaging/testing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { CreateEffect1700000000100, effectsOf } from '../testing/effects.js';
import { startForTest, type TestedService } from '../testing/index.js';
import { placed } from '../testing/placed.js';
import { Service } from './index.js';

@Reactions({ service: 'payment' })
class Probe {
  @On(OrderPlaced, { emits: [] })
  async owed({ data }: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    await tx.query('insert into effect (token) values ($1)', [data.paymentToken]);
  }
}

@Service({ name: 'payment', title: 'Probe', port: 0, migrations: [CreateEffect1700000000100] })
@Module({ controllers: [Probe] })
class ProbeModule {}

let proxy: Proxy;
let service: TestedService;
let drop: () => Promise<void>;

beforeAll(async () => {
  const fresh = await freshDatabase();
  drop = fresh.drop;
  const through = await startProxyTo(fresh.url);
  ({ proxy } = through);
  service = await startForTest(ProbeModule, { url: through.url, variables: { REACTION_TIMEOUT_MS: '1000' } });
});
afterAll(async () => {
  await service.close();
  await proxy.close();
  await drop();
});

it('a database that falls silent on open connections is out of reach: the service says so, hands back what it had, and goes on', async () => {
  await service.deliver([placed('before')]);
  const order = placed('meanwhile');
  await proxy.hang();
  await expect(service.deliver([order])).rejects.toThrow(/Query read timeout|Connection terminated/);
  expect((await fetch(`${service.http}/health/ready`)).status).toBe(503);
  await proxy.restore();
  await service.deliver([order]);
  expect(await effectsOf(service)).toEqual(['before', 'meanwhile']);
  expect(await service.query('select attempts from inbox where message_id = $1', [order.id])).toEqual([
    { attempts: 1 },
  ]);
  expect((await fetch(`${service.http}/health/ready`)).status).toBe(200);
});
