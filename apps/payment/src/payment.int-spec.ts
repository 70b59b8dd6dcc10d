import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { InventoryReserved, OrderPlaced, ShipmentRejected } from '#libs/contracts';
import { Breakers } from '#libs/service';
import { envelopeOf, startForTest, type TestedService } from '#libs/service/testing';
import { createProvider } from '../../payment-provider/src/provider-app.js';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { PaymentModule } from './payment.module.js';
import { Provider } from './provider.js';

describe('payment', () => {
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
    const variables = { PAYMENT_PROVIDER_URL: providerUrl, PAYMENT_TIMEOUT_MS: '500' };
    service = await startForTest(PaymentModule, { url: database.url, variables });
  });
  afterAll(async () => {
    await service?.close();
    await provider?.close();
    await database?.drop();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => switches({}));

  const order = (paymentToken = 'tok_visa') => {
    const orderId = uuidv7();
    return {
      orderId,
      placed: envelopeOf(
        OrderPlaced({
          orderId,
          customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
          lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_200 }],
          totalCents: 2_400,
          shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
          paymentToken,
        }),
      ),
      reserved: envelopeOf(InventoryReserved({ orderId, lines: [{ sku: 'mug-blue', quantity: 2 }] })),
      undeliverable: envelopeOf(ShipmentRejected({ orderId, country: 'AQ', reason: 'no_carrier' })),
    };
  };
  const statedOf = async (orderId: string) => (await service.stated()).filter(({ key }) => key === orderId);
  const typesOf = async (orderId: string) => (await statedOf(orderId)).map(({ type }) => type);
  const json = async (url: string) => (await (await fetch(url)).json()) as Record<string, unknown>;
  const show = (orderId: string) => json(`${service.http}/payments/${orderId}`);
  const ledgerOf = async (orderId: string) =>
    (await json(`${providerUrl}/charges?orderId=${orderId}`))['charges'] as { status: string; refunds: object[] }[];
  async function switches(now: object) {
    const headers = { 'content-type': 'application/json' };
    await fetch(`${providerUrl}/switches`, { method: 'PUT', headers, body: JSON.stringify(now) });
  }

  it('charges nothing before stock is reserved', async () => {
    const { orderId, placed } = order();
    await service.deliver([placed]);
    expect(await typesOf(orderId)).toEqual([]);
    expect(await show(orderId)).toEqual({ orderId, status: 'waiting', amountCents: 2_400 });
  });

  it('charges once what is owed and stock are known, and says what follows from what', async () => {
    const { orderId, placed, reserved } = order();
    await service.deliver([placed, reserved]);
    const [charged, ...more] = await statedOf(orderId);
    expect(more).toEqual([]);
    expect(charged).toMatchObject({
      type: 'payment.charged',
      correlationId: reserved.correlationId,
      data: { orderId, amountCents: 2_400 },
    });
    expect(await show(orderId)).toMatchObject({ status: 'charged', chargeId: expect.any(String) });
    expect(await ledgerOf(orderId)).toHaveLength(1);
  });

  it('charges once when InventoryReserved comes first, and twice', async () => {
    const { orderId, placed, reserved } = order();
    await service.deliver([reserved]);
    await service.deliver([reserved, placed]);
    await service.deliver([placed, reserved]);
    expect(await typesOf(orderId)).toEqual(['payment.charged']);
    expect(await ledgerOf(orderId)).toHaveLength(1);
  });

  it('charges once when the same fact is told by two messages', async () => {
    const { orderId, placed, reserved } = order();
    await service.deliver([placed, reserved, { ...reserved, id: uuidv7() }]);
    await service.deliver([
      { ...placed, id: uuidv7() },
      { ...reserved, id: uuidv7() },
    ]);
    expect(await typesOf(orderId)).toEqual(['payment.charged']);
  });

  it.each([
    ['tok_declined', 'declined'],
    ['tok_insufficient_funds', 'insufficient_funds'],
    ['tok_of_nobody', 'unknown_token'],
  ])('states PaymentDeclined for %s with the code %s', async (token, code) => {
    const { orderId, placed, reserved } = order(token);
    await service.deliver([placed, reserved]);
    expect((await statedOf(orderId)).map(({ type, data }) => [type, data])).toEqual([
      ['payment.declined', { orderId, code }],
    ]);
    expect(await show(orderId)).toMatchObject({ status: 'declined', declineCode: code });
  });

  it('charges once after two failures of the provider', async () => {
    const { orderId, placed, reserved } = order('tok_flaky');
    await service.deliver([placed, reserved]);
    expect(await typesOf(orderId)).toEqual(['payment.charged']);
    expect(await ledgerOf(orderId)).toHaveLength(1);
  });

  it('charges once although every answer came too late for a while', async () => {
    const { orderId, placed, reserved } = order();
    await switches({ latencyMs: 900 });
    const delivered = service.deliver([placed, reserved]);
    await expect.poll(() => ledgerOf(orderId), { timeout: 10_000 }).toHaveLength(1);
    await switches({});
    await delivered;
    expect(await typesOf(orderId)).toEqual(['payment.charged']);
    expect(await ledgerOf(orderId)).toHaveLength(1);
  });

  it('charges each of thirty orders once while the provider fails every third time', async () => {
    await switches({ failureRate: 0.33 });
    const orders = Array.from({ length: 30 }, () => order());
    await service.deliver(orders.flatMap(({ placed, reserved }) => [placed, reserved]));
    for (const { orderId } of orders) {
      expect(await typesOf(orderId)).toEqual(['payment.charged']);
      expect(await ledgerOf(orderId)).toHaveLength(1);
    }
  });

  it('takes a redirect for a provider out of reach, and tells where it points, but no token', async () => {
    const elsewhere = 'https://pay.example.com/charges';
    const redirects = createServer((_, answer) => answer.writeHead(308, { location: `${elsewhere}?tok_visa` }).end());
    await new Promise<void>((resolve) => redirects.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(redirects.address() as AddressInfo).port}`;
    const moved = new Provider({ PAYMENT_PROVIDER_URL: url, PAYMENT_TIMEOUT_MS: 5_000 }, service.get(Breakers));
    const charge = { orderId: uuidv7(), amountCents: 1, paymentToken: 'tok_visa', idempotencyKey: uuidv7() };
    await expect(moved.charge(charge)).rejects.toMatchObject({
      name: 'ProviderUnavailable',
      message: expect.stringContaining(`HTTP 308 to ${elsewhere}?[token]; have PAYMENT_PROVIDER_URL say`),
    });
    redirects.close();
  });

  it('refunds what cannot be delivered, once', async () => {
    const { orderId, placed, reserved, undeliverable } = order();
    await service.deliver([placed, reserved]);
    await service.deliver([undeliverable, undeliverable]);
    await service.deliver([{ ...undeliverable, id: uuidv7() }]);
    expect(await typesOf(orderId)).toEqual(['payment.charged', 'payment.refunded']);
    expect((await ledgerOf(orderId)).map(({ refunds }) => refunds.length)).toEqual([1]);
    expect(await show(orderId)).toMatchObject({ status: 'refunded', refundId: expect.any(String) });
  });

  it('refunds once charged when it hears of the failed delivery first', async () => {
    const { orderId, placed, reserved, undeliverable } = order();
    await service.deliver([undeliverable]);
    await service.deliver([placed, reserved]);
    expect(await typesOf(orderId)).toEqual(['payment.charged', 'payment.refunded']);
    expect((await ledgerOf(orderId)).map(({ refunds }) => refunds.length)).toEqual([1]);
  });

  it('forgets the token once it has been used', async () => {
    const { orderId, placed, reserved } = order();
    await service.deliver([placed, reserved]);
    expect(await service.query('select token from payment where order_id = $1', [orderId])).toEqual([{ token: null }]);
  });

  it('answers 404 for an order it has not heard of, and 400 for what is no id', async () => {
    expect(await show(uuidv7())).toMatchObject({ status: 404, type: expect.stringContaining('unknown-order') });
    expect(await show('abc')).toMatchObject({ status: 400 });
  });

  it('describes the answer in its OpenAPI document', async () => {
    const { paths } = (await json(`${service.http}/docs-json`)) as { paths: Record<string, unknown> };
    expect(JSON.stringify(paths['/payments/{orderId}'])).toContain('declineCode');
  });
});
