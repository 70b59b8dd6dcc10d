import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OrderPlaced, PaymentCharged } from '#libs/contracts';
import { envelopeOf, startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { ShippingModule } from './shipping.module.js';

describe('shipping', () => {
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

  const order = (country = 'GB') => {
    const orderId = uuidv7();
    return {
      orderId,
      placed: envelopeOf(
        OrderPlaced({
          orderId,
          customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
          lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_200 }],
          totalCents: 2_400,
          shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country },
          paymentToken: 'tok_visa',
        }),
      ),
      charged: envelopeOf(PaymentCharged({ orderId, chargeId: 'ch_1', amountCents: 2_400 })),
    };
  };
  const statedOf = async (orderId: string) => (await service.stated()).filter(({ key }) => key === orderId);
  const show = async (orderId: string) =>
    (await (await fetch(`${service.http}/shipments/${orderId}`)).json()) as Record<string, unknown>;

  it('waits for the payment', async () => {
    const { orderId, placed } = order();
    await service.deliver([placed]);
    expect(await statedOf(orderId)).toEqual([]);
    expect(await show(orderId)).toEqual({ orderId, status: 'waiting', country: 'GB' });
  });

  it('waits for the address', async () => {
    const { orderId, charged } = order();
    await service.deliver([charged]);
    expect(await statedOf(orderId)).toEqual([]);
    expect(await show(orderId)).toEqual({ orderId, status: 'waiting' });
  });

  it('books a carrier when address and payment are known', async () => {
    const { orderId, placed, charged } = order('FR');
    await service.deliver([placed]);
    await service.deliver([charged]);
    const [created, ...more] = await statedOf(orderId);
    expect(more).toEqual([]);
    expect(created).toMatchObject({ type: 'shipment.created', causationId: charged.id, data: { carrier: 'La Poste' } });
    expect(await show(orderId)).toEqual({ status: 'created', country: 'FR', ...(created?.data as object) });
  });

  it('books once, whichever came last and however often', async () => {
    const { orderId, placed, charged } = order();
    await service.deliver([charged, placed, charged, { ...charged, id: uuidv7() }]);
    await service.deliver([{ ...placed, id: uuidv7() }, placed]);
    expect((await statedOf(orderId)).map(({ type }) => type)).toEqual(['shipment.created']);
  });

  it('finds nobody who delivers to Antarctica, and says so once', async () => {
    const { orderId, placed, charged } = order('AQ');
    await service.deliver([charged, placed]);
    await service.deliver([{ ...charged, id: uuidv7() }]);
    expect((await statedOf(orderId)).map(({ type, data }) => [type, data])).toEqual([
      ['shipment.rejected', { orderId, country: 'AQ', reason: 'no_carrier' }],
    ]);
    expect(await show(orderId)).toEqual({ orderId, status: 'rejected', country: 'AQ' });
  });

  it('answers 404 for an order it has not heard of, and 400 for what is no id', async () => {
    expect(await show(uuidv7())).toMatchObject({ status: 404, type: expect.stringContaining('unknown-order') });
    expect(await show('abc')).toMatchObject({ status: 400 });
  });
});
