import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { InventoryReserved, OrderPlaced, ShipmentRejected } from '#libs/contracts';
import { endsTheSameInAnyOrder, startForTest, type TestedService } from '#libs/service/testing';
import { createProvider } from '../../payment-provider/src/provider-app.js';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { PaymentModule } from './payment.module.js';

describe('payment, told any story in any order, any number of times', () => {
  const folder = mkdtempSync(join(tmpdir(), 'payment-'));
  let provider: NestFastifyApplication;
  let database: FreshDatabase;
  let service: TestedService;

  beforeAll(async () => {
    const file = join(folder, 'ledger.jsonl');
    provider = await createProvider({ HOST: '127.0.0.1', PORT: 0, LEDGER_FILE: file, SLOW_MS: 100 });
    await provider.listen(0, '127.0.0.1');
    database = await freshDatabase();
    const variables = { PAYMENT_PROVIDER_URL: await provider.getUrl() };
    service = await startForTest(PaymentModule, { url: database.url, variables });
  });
  afterAll(async () => {
    await service?.close();
    await provider?.close();
    await database?.drop();
    rmSync(folder, { recursive: true });
  });

  const placed = (orderId: string, paymentToken: string) =>
    OrderPlaced({
      orderId,
      customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
      lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_200 }],
      totalCents: 2_400,
      shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
      paymentToken,
    });
  const reserved = (orderId: string) => InventoryReserved({ orderId, lines: [{ sku: 'mug-blue', quantity: 2 }] });
  const undeliverable = (orderId: string) => ShipmentRejected({ orderId, country: 'AQ', reason: 'no_carrier' });
  const json = async (url: string) => (await (await fetch(url)).json()) as object;

  it('ends as when told tidily, in the books of the provider too', async () => {
    await endsTheSameInAnyOrder(service, {
      stories: {
        completed: (id) => [placed(id, 'tok_visa'), reserved(id)],
        declined: (id) => [placed(id, 'tok_declined'), reserved(id)],
        flaky: (id) => [placed(id, 'tok_flaky'), reserved(id)],
        undeliverable: (id) => [placed(id, 'tok_visa'), reserved(id), undeliverable(id)],
        outOfStock: (id) => [placed(id, 'tok_visa')],
      },
      stateOf: async (orderId) => [
        await service.query('select * from payment where order_id = $1', [orderId]),
        await json(`${service.http}/payments/${orderId}`),
        await json(`${await provider.getUrl()}/charges?orderId=${orderId}`),
      ],
      differing: ['order_id', 'charge_id', 'chargeId', 'refund_id', 'refundId', 'at'],
      runs: 20,
    });
  });
});
