import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Envelope } from '#libs/contracts';
import { startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { factsOf, requestBody, tell } from '../testing/story.js';
import { OrderModule } from './order.module.js';
import { PlaceOrder } from './place-order.js';

describe('the order service', () => {
  let database: FreshDatabase;
  let service: TestedService;

  beforeAll(async () => {
    database = await freshDatabase();
    service = await startForTest(OrderModule, { url: database.url });
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
  });

  const place = async () => (await service.get(PlaceOrder).place(requestBody)).order.orderId;
  const show = async (orderId: string) =>
    (await (await fetch(`${service.http}/orders/${orderId}`)).json()) as Record<string, unknown>;
  const statedOf = async (orderId: string) => (await service.stated()).filter(({ key }) => key === orderId);
  const outcomesOf = async (orderId: string) =>
    (await statedOf(orderId)).slice(1).map(({ type, data }: Envelope) => [type, data]);

  it('follows an order until it is completed', async () => {
    const orderId = await place();
    const { reserved, charged, shipped } = factsOf(orderId);
    expect(await show(orderId)).toMatchObject({ status: 'placed', settled: false });
    await service.deliver([reserved]);
    expect(await show(orderId)).toMatchObject({ status: 'reserved', settled: false });
    await service.deliver([charged]);
    expect(await show(orderId)).toMatchObject({ status: 'paid', settled: false });
    await service.deliver([shipped, shipped]);
    await service.deliver([{ ...shipped, id: uuidv7() }]);
    expect(await show(orderId)).toMatchObject({ status: 'completed', settled: true, settledAt: expect.any(String) });
    expect(await outcomesOf(orderId)).toEqual([['order.completed', { orderId }]]);
  });

  it.each([
    ['outOfStock', 'out_of_stock'],
    ['declined', 'payment_declined'],
    ['undeliverable', 'undeliverable'],
  ] as const)('cancels an order that is %s, and is settled once all is undone', async (story, reason) => {
    const orderId = await place();
    const facts = tell(story, orderId);
    await service.deliver(facts.slice(0, -1));
    expect(await show(orderId)).toMatchObject({ status: 'cancelled', reason, settled: story === 'outOfStock' });
    await service.deliver(facts);
    expect(await show(orderId)).toMatchObject({ status: 'cancelled', reason, settled: true });
    const { customer } = requestBody;
    expect(await outcomesOf(orderId)).toEqual([['order.cancelled', { orderId, reason, customer }]]);
  });

  it('tells who stated what, when, each cause before its effects', async () => {
    const orderId = await place();
    const facts = tell('undeliverable', orderId);
    await service.deliver(facts.toReversed());
    const { history } = (await show(orderId)) as { history: { type: string; service: string; time: string }[] };
    expect(history.map(({ type }) => type)).toEqual([
      'order.placed',
      'notification.sent',
      'inventory.reserved',
      'payment.charged',
      'shipment.rejected',
      'order.cancelled',
      'notification.sent',
      'payment.refunded',
      'inventory.released',
    ]);
    expect(history[2]).toMatchObject({ type: 'inventory.reserved', service: 'inventory', time: facts[1]!.time });
    expect(history[4]).toMatchObject({ service: 'shipping', detail: 'AQ' });
  });

  it('says what its outcome follows from', async () => {
    const orderId = await place();
    const { rejected } = factsOf(orderId);
    await service.deliver([rejected]);
    expect((await statedOf(orderId)).at(-1)).toMatchObject({
      type: 'order.cancelled',
      causationId: rejected.id,
      correlationId: rejected.correlationId,
    });
  });

  it('keeps the time at which an order was settled', async () => {
    const orderId = await place();
    const { shipped, shippedLetter } = factsOf(orderId);
    await service.deliver([shipped]);
    const { settledAt } = await show(orderId);
    await service.deliver([shippedLetter]);
    expect(await show(orderId)).toMatchObject({ settledAt, status: 'completed' });
  });

  it('sets an event of an order aside that was not placed here', async () => {
    await service.deliver([factsOf(uuidv7()).reserved]);
    expect(await service.query('select reason, last_error from dead_letter')).toEqual([
      { reason: 'hopeless', last_error: expect.stringContaining('which this database does not hold') },
    ]);
  });

  it('keeps the payment token out of its table', async () => {
    const orderId = await place();
    const rows = await service.query('select * from orders where id = $1', [orderId]);
    expect(JSON.stringify(rows)).not.toContain('tok_visa');
  });
});
