import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { InventoryReserved, OrderPlaced } from '#libs/contracts';
import { envelopeOf, startForTest, type TestedService } from '#libs/service/testing';
import { createProvider } from '../../payment-provider/src/provider-app.js';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { PaymentModule } from './payment.module.js';

const OPEN_MS = 200;
const ORDERS = 40;

describe('payment, while the provider is down', () => {
  const folder = mkdtempSync(join(tmpdir(), 'payment-'));
  let provider: NestFastifyApplication;
  let database: FreshDatabase;
  let service: TestedService;
  let providerUrl: string;

  beforeAll(async () => {
    const file = join(folder, 'ledger.jsonl');
    provider = await createProvider({ HOST: '127.0.0.1', PORT: 0, LEDGER_FILE: file, SLOW_MS: 700 });
    await provider.listen(0, '127.0.0.1');
    providerUrl = await provider.getUrl();
    database = await freshDatabase();
    const variables = {
      PAYMENT_PROVIDER_URL: providerUrl,
      BREAKER_OPEN_MS: String(OPEN_MS),
      BREAKER_MAX_OPEN_MS: String(OPEN_MS),
    };
    service = await startForTest(PaymentModule, { url: database.url, variables });
  });
  afterAll(async () => {
    await service?.close();
    await provider?.close();
    await database?.drop();
    rmSync(folder, { recursive: true });
  });

  const tell = (orderId: string, n: number) => [
    envelopeOf(
      OrderPlaced({
        orderId,
        customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
        lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_200 }],
        totalCents: 2_400,
        shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
        paymentToken: n % 4 === 0 ? 'tok_declined' : 'tok_visa',
      }),
    ),
    envelopeOf(InventoryReserved({ orderId, lines: [{ sku: 'mug-blue', quantity: 2 }] })),
  ];
  const switches = (now: object) =>
    fetch(`${providerUrl}/switches`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(now),
    });
  const health = async () => {
    const response = await fetch(`${service.http}/health/ready`);
    const { status, checks } = (await response.json()) as { status: string; checks: Record<string, object> };
    return { http: response.status, status, provider: checks['payment-provider'] };
  };
  const underWay = async () => (await service.query('select from due where leased_by is not null')).length;
  const failures = async () =>
    (await service.query<{ n: number }>('select coalesce(sum(attempts), 0)::int as n from due'))[0]!.n;

  it('leaves it alone but for a look now and then, and charges each order once when it is back', async () => {
    expect((await health()).provider).toEqual({ status: 'up' });
    await switches({ outage: true });
    const orders = Array.from({ length: ORDERS }, () => uuidv7());
    const delivered = service.deliver(orders.flatMap(tell));
    await expect
      .poll(health, { timeout: 10_000 })
      .toMatchObject({ http: 200, provider: { status: 'down', reason: expect.stringContaining('taken for down') } });
    await expect.poll(underWay, { message: 'calls that were made before it opened' }).toBeLessThanOrEqual(1);
    const [before, watchedMs] = [await failures(), 5 * OPEN_MS];
    await pause(watchedMs);
    // Left to their backoff, forty commands would fail a hundred times in a second.
    expect((await failures()) - before).toBeLessThanOrEqual(watchedMs / OPEN_MS + 1);

    await switches({});
    await delivered;
    expect((await health()).provider).toEqual({ status: 'up' });
    const stated = await service.stated();
    for (const [n, orderId] of orders.entries()) {
      const types = stated.filter(({ key }) => key === orderId).map(({ type }) => type);
      expect(types).toEqual([n % 4 === 0 ? 'payment.declined' : 'payment.charged']);
      const response = await fetch(`${providerUrl}/charges?orderId=${orderId}`);
      expect(((await response.json()) as { charges: object[] }).charges).toHaveLength(1);
    }
    expect(await service.query('select from dead_letter')).toEqual([]);
  });
});
