import { afterAll, beforeAll, describe, it } from 'vitest';
import { OrderPlaced, PaymentCharged } from '#libs/contracts';
import { endsTheSameInAnyOrder, startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { ShippingModule } from './shipping.module.js';

describe('shipping, told any story in any order, any number of times', () => {
  let database: FreshDatabase;
  let service: TestedService;

  beforeAll(async () => {
    database = await freshDatabase();
    service = await startForTest(ShippingModule, { url: database.url });
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
  });

  const placed = (orderId: string, country: string) =>
    OrderPlaced({
      orderId,
      customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
      lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_200 }],
      totalCents: 2_400,
      shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country },
      paymentToken: 'tok_visa',
    });
  const charged = (orderId: string) => PaymentCharged({ orderId, chargeId: 'ch_1', amountCents: 2_400 });

  it('ends as when told tidily', async () => {
    await endsTheSameInAnyOrder(service, {
      stories: {
        completed: (id) => [placed(id, 'GB'), charged(id)],
        undeliverable: (id) => [placed(id, 'AQ'), charged(id)],
        unpaid: (id) => [placed(id, 'FR')],
      },
      stateOf: async (orderId) => [
        await service.query('select * from shipment where order_id = $1', [orderId]),
        await (await fetch(`${service.http}/shipments/${orderId}`)).json(),
      ],
      differing: ['order_id', 'shipment_id', 'shipmentId', 'tracking_number', 'trackingNumber'],
      runs: 40,
    });
  });
});
