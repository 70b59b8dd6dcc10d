import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { factsOf, requestBody } from '../testing/story.js';
import { OrderModule } from './order.module.js';
import { PlaceOrder } from './place-order.js';

const OPS_TOKEN = 'a-token-of-the-test';

describe('stuck orders', () => {
  let database: FreshDatabase;
  let service: TestedService;

  beforeAll(async () => {
    database = await freshDatabase();
    const variables = { OPS_TOKEN, ORDER_DEADLINE_MS: '60000' };
    service = await startForTest(OrderModule, { url: database.url, variables });
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
  });

  const place = async () => (await service.get(PlaceOrder).place(requestBody)).order.orderId;
  const age = (orderId: string, seconds: number) =>
    service.query(`update orders set stored_at = now() - $2 * interval '1 s' where id = $1`, [orderId, seconds]);
  const ask = async (query = '', token = OPS_TOKEN) => {
    const response = await fetch(`${service.http}/ops/stuck-orders${query}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return { http: response.status, body: (await response.json()) as { more: boolean; orders: object[] } };
  };

  it('are those past their deadline and not settled, oldest first, with what each waits for', async () => {
    const [young, settled, charged, placed] = [await place(), await place(), await place(), await place()];
    await service.deliver([factsOf(young).reserved, factsOf(settled).shipped]);
    await service.deliver([factsOf(charged).reserved, factsOf(charged).charged]);
    for (const orderId of [settled, charged]) await age(orderId, 61);
    await age(placed, 3_600);
    expect(await ask()).toEqual({
      http: 200,
      body: {
        deadlineMs: 60_000,
        more: false,
        orders: [
          {
            orderId: placed,
            status: 'placed',
            placedAt: expect.any(String),
            ageMs: expect.any(Number),
            waitsFor: {
              service: 'inventory',
              events: ['inventory.reserved', 'inventory.rejected'],
              after: 'order.placed',
            },
            links: { self: `/orders/${placed}` },
          },
          expect.objectContaining({
            orderId: charged,
            status: 'paid',
            waitsFor: {
              service: 'shipping',
              events: ['shipment.created', 'shipment.rejected'],
              after: 'payment.charged',
            },
          }),
        ],
      },
    });
    expect((await ask('?limit=1')).body).toMatchObject({ more: true, orders: [{ orderId: placed }] });
  });

  it('are shown to operators only', async () => {
    expect((await ask('', 'somebody-elses-token')).http).toBe(401);
    expect((await ask('?limit=0')).http).toBe(400);
  });
});
