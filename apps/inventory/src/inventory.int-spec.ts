import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { orderOf } from '../testing/story.js';
import { InventoryModule } from './inventory.module.js';

describe('inventory', () => {
  let database: FreshDatabase;
  let service: TestedService;

  beforeAll(async () => {
    database = await freshDatabase();
    service = await startForTest(InventoryModule, { url: database.url });
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
  });

  const statedOf = async (orderId: string) =>
    (await service.stated()).filter(({ key }) => key === orderId).map(({ type, data }) => [type, data]);
  const request = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${service.http}${path}`, init);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const stock = async (sku: string) => (await request(`/stock/${sku}`)).body;
  const put = (sku: string, body: unknown) =>
    request(`/stock/${sku}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  /** A product of this test's own. */
  const product = async (onHand: number) => {
    const sku = `test-${uuidv7()}`;
    await put(sku, { onHand });
    return sku;
  };

  it('reserves every line', async () => {
    const [mug, pen] = [await product(5), await product(7)];
    const lines = [
      { sku: mug, quantity: 2 },
      { sku: pen, quantity: 7 },
    ];
    const { orderId, placed } = orderOf(...lines);
    await service.deliver([placed]);
    expect(await statedOf(orderId)).toEqual([['inventory.reserved', { orderId, lines }]]);
    expect(await stock(mug)).toEqual({ sku: mug, onHand: 5, reserved: 2, available: 3 });
    expect(await stock(pen)).toEqual({ sku: pen, onHand: 7, reserved: 7, available: 0 });
  });

  it('reserves none of the lines when one is missing, and says how much there is', async () => {
    const [mug, pen] = [await product(5), await product(1)];
    const { orderId, placed, declined, shipped } = orderOf({ sku: mug, quantity: 2 }, { sku: pen, quantity: 2 });
    await service.deliver([placed]);
    const missing = [{ sku: pen, quantity: 2, available: 1 }];
    expect(await statedOf(orderId)).toEqual([['inventory.rejected', { orderId, missing }]]);
    await service.deliver([declined, shipped]);
    expect(await statedOf(orderId)).toHaveLength(1);
    expect(await stock(mug)).toMatchObject({ onHand: 5, reserved: 0 });
    expect(await stock(pen)).toMatchObject({ onHand: 1, reserved: 0 });
  });

  it('rejects a product that it does not know, and more pieces than a number can count', async () => {
    const { orderId, placed } = orderOf({ sku: 'unicorn', quantity: 1 }, { sku: 'mug-blue', quantity: 2 ** 53 - 1 });
    await service.deliver([placed]);
    expect(await statedOf(orderId)).toMatchObject([
      ['inventory.rejected', { missing: [{ sku: 'unicorn', available: 0 }, { sku: 'mug-blue' }] }],
    ]);
  });

  it('takes two lines of one product together', async () => {
    const mug = await product(5);
    const tooMuch = orderOf({ sku: mug, quantity: 3 }, { sku: mug, quantity: 3 });
    const enough = orderOf({ sku: mug, quantity: 3 }, { sku: mug, quantity: 2 });
    await service.deliver([tooMuch.placed, enough.placed]);
    expect(await statedOf(tooMuch.orderId)).toMatchObject([['inventory.rejected', {}]]);
    expect(await stock(mug)).toMatchObject({ reserved: 5 });
  });

  it.each(['declined', 'refunded'] as const)('gives the goods back when the payment was %s, once', async (ending) => {
    const mug = await product(5);
    const order = orderOf({ sku: mug, quantity: 2 });
    const { orderId, placed } = order;
    await service.deliver([placed, order[ending]]);
    await service.deliver([order[ending], { ...order[ending], id: uuidv7() }, { ...placed, id: uuidv7() }]);
    const lines = [{ sku: mug, quantity: 2 }];
    expect(await statedOf(orderId)).toEqual([
      ['inventory.reserved', { orderId, lines }],
      ['inventory.released', { orderId, lines }],
    ]);
    expect(await stock(mug)).toMatchObject({ onHand: 5, reserved: 0 });
  });

  it('takes shipped goods off, once', async () => {
    const mug = await product(5);
    const { placed, shipped } = orderOf({ sku: mug, quantity: 2 });
    await service.deliver([placed, shipped]);
    await service.deliver([{ ...shipped, id: uuidv7() }]);
    expect(await stock(mug)).toEqual({ sku: mug, onHand: 3, reserved: 0, available: 3 });
  });

  it('sells a stock of 100 to exactly 100 of 300 orders that come at once', async () => {
    const mug = await product(100);
    const orders = Array.from({ length: 300 }, () => orderOf({ sku: mug, quantity: 1 }));
    const batches = Array.from({ length: 10 }, (_, n) => orders.slice(n * 30, n * 30 + 30));
    await Promise.all(batches.map((batch) => service.deliver(batch.map(({ placed }) => placed))));
    const ids = new Set(orders.map(({ orderId }) => orderId));
    const types = (await service.stated()).filter(({ key }) => ids.has(key)).map(({ type }) => type);
    expect(types.filter((type) => type === 'inventory.reserved')).toHaveLength(100);
    expect(types.filter((type) => type === 'inventory.rejected')).toHaveLength(200);
    expect(await stock(mug)).toEqual({ sku: mug, onHand: 100, reserved: 100, available: 0 });
  });

  it('handles batches at once that want the same products in another order, at the first try', async () => {
    const skus = await Promise.all(Array.from({ length: 6 }, () => product(10_000)));
    const batches = Array.from({ length: 8 }, (_, b) =>
      Array.from({ length: 25 }, (__, n) => orderOf(...[n + b, n * b + 1].map((at) => line(skus[at % 6]!)))),
    );
    const orders = batches.flat();
    await Promise.all(batches.map((batch) => service.deliver(batch.map(({ placed }) => placed))));
    await Promise.all(
      batches.map((batch, b) =>
        service.deliver(batch.toReversed().map((order) => (b % 2 ? order.declined : order.shipped))),
      ),
    );
    const shipped = orders.filter((_, at) => Math.floor(at / 25) % 2 === 0);
    const gone = shipped.flatMap(({ placed }) => placed.data.lines).reduce((sum, { quantity }) => sum + quantity, 0);
    const levels = await Promise.all(skus.map(stock));
    expect(levels.map(({ reserved }) => reserved)).toEqual(skus.map(() => 0));
    expect(levels.reduce((sum, { onHand }) => sum + Number(onHand), 0)).toBe(60_000 - gone);
    expect(
      await service.query('select deadlocks::int from pg_stat_database where datname = current_database()'),
    ).toEqual([{ deadlocks: 0 }]);
  });

  const line = (sku: string) => ({ sku, quantity: 1 });

  describe('over HTTP', () => {
    it('lists every product, the last one and the sold out among them', async () => {
      const { body } = await request('/stock');
      expect(body).toEqual(expect.arrayContaining([{ sku: 'sold-out', onHand: 0, reserved: 0, available: 0 }]));
      expect(body).toEqual(expect.arrayContaining([{ sku: 'last-one', onHand: 1, reserved: 0, available: 1 }]));
    });

    it('takes a count, and begins a product that was unknown', async () => {
      const sku = `test-${uuidv7()}`;
      expect(await request(`/stock/${sku}`)).toMatchObject({ status: 404 });
      expect(await put(sku, { onHand: 3 })).toEqual({
        status: 200,
        body: { sku, onHand: 3, reserved: 0, available: 3 },
      });
      expect(await put(sku, { onHand: 9 })).toMatchObject({ status: 200, body: { onHand: 9 } });
    });

    it('refuses a count below what is reserved', async () => {
      const mug = await product(5);
      await service.deliver([orderOf({ sku: mug, quantity: 4 }).placed]);
      expect(await put(mug, { onHand: 3 })).toMatchObject({
        status: 409,
        body: { type: expect.stringContaining('below-reserved'), errors: [{ field: 'onHand' }] },
      });
      expect(await put(mug, { onHand: 4 })).toMatchObject({ status: 200, body: { available: 0 } });
    });

    it.each([
      ['a negative count', { onHand: -1 }, 'onHand'],
      ['a fraction', { onHand: 1.5 }, 'onHand'],
      ['no count', {}, 'onHand'],
      ['an unknown field', { onHand: 1, reserved: 1 }, 'reserved'],
    ])('refuses %s and names the field', async (_, body, field) => {
      expect(await put('mug-blue', body)).toMatchObject({ status: 400, body: { errors: [{ field }] } });
    });

    it('refuses what is no sku', async () => {
      expect(await request('/stock/Mug%20Blue')).toMatchObject({ status: 400 });
      expect(await put('-', { onHand: 1 })).toMatchObject({ status: 400 });
    });

    it('describes its answers in the OpenAPI document', async () => {
      const { body } = await request('/docs-json');
      expect(JSON.stringify(body['paths'])).toContain('"available"');
    });
  });
});
