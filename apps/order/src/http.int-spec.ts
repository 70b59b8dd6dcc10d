import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { factsOf, requestBody } from '../testing/story.js';
import { OrderModule } from './order.module.js';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}
interface Page {
  readonly orders: { orderId: string; status: string }[];
  readonly nextCursor?: string;
}

describe('the order service over HTTP', () => {
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

  async function request(path: string, init?: RequestInit): Promise<Answer> {
    const response = await fetch(`${service.http}${path}`, init);
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body };
  }
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    request('/orders', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const fieldsOf = ({ body }: Answer) => ((body['errors'] ?? []) as { field: string }[]).map(({ field }) => field);
  const countOrders = async () => (await service.query<{ n: number }>('select count(*)::int as n from orders'))[0]!.n;

  describe('placing an order', () => {
    it('answers 202 with its place, what it costs, and what to call the whole affair', async () => {
      const { status, headers, body } = await post(requestBody);
      const path = `/orders/${String(body['orderId'])}`;
      expect(status).toBe(202);
      expect(headers.get('location')).toBe(path);
      expect(body).toEqual({
        orderId: expect.any(String),
        status: 'placed',
        totalCents: 2_400,
        correlationId: expect.any(String),
        links: { self: path },
      });
      expect((await service.stated()).at(-1)).toMatchObject({
        type: 'order.placed',
        key: body['orderId'],
        correlationId: body['correlationId'],
        data: { ...requestBody, lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_200 }], totalCents: 2_400 },
      });
      expect(await request(path)).toMatchObject({
        status: 200,
        body: { status: 'placed', settled: false, history: [{ type: 'order.placed', service: 'order' }] },
      });
    });

    const { customer, shippingAddress, lines } = requestBody;
    const line = lines[0]!;
    const without = (name: keyof typeof requestBody) =>
      Object.fromEntries(Object.entries(requestBody).filter(([key]) => key !== name));
    const manyLines = Array.from({ length: 101 }, (_, n) => ({ sku: `sku-${n}`, quantity: 1 }));

    it.each<[string, unknown, string[]]>([
      ['an unknown field', { ...requestBody, coupon: 'X' }, ['coupon']],
      ['an unknown field within', { ...requestBody, customer: { ...customer, vip: true } }, ['customer.vip']],
      ['no customer', without('customer'), ['customer']],
      ['no payment token', without('paymentToken'), ['paymentToken']],
      ['no lines', { ...requestBody, lines: [] }, ['lines']],
      ['no quantity', { ...requestBody, lines: [{ sku: 'mug-blue' }] }, ['lines[0].quantity']],
      ['a negative quantity', { ...requestBody, lines: [{ ...line, quantity: -1 }] }, ['lines[0].quantity']],
      ['no pieces', { ...requestBody, lines: [{ ...line, quantity: 0 }] }, ['lines[0].quantity']],
      ['half a piece', { ...requestBody, lines: [{ ...line, quantity: 0.5 }] }, ['lines[0].quantity']],
      ['a quantity in words', { ...requestBody, lines: [{ ...line, quantity: '2' }] }, ['lines[0].quantity']],
      ['too many pieces', { ...requestBody, lines: [{ ...line, quantity: 1e9 }] }, ['lines[0].quantity']],
      ['more than 100 lines', { ...requestBody, lines: manyLines }, ['lines']],
      ['one sku twice', { ...requestBody, lines: [line, { sku: 'pen-gel', quantity: 1 }, line] }, ['lines[2].sku']],
      ['no email address', { ...requestBody, customer: { ...customer, email: 'ada@' } }, ['customer.email']],
      ['a blank name', { ...requestBody, customer: { ...customer, name: '  ' } }, ['customer.name']],
      ['a NUL in a name', { ...requestBody, customer: { ...customer, name: 'A\u0000' } }, ['customer.name']],
      ['half a character', { ...requestBody, customer: { ...customer, name: 'A\ud800' } }, ['customer.name']],
      [
        'a country in words, and no city',
        { ...requestBody, shippingAddress: { ...shippingAddress, country: 'England', city: undefined } },
        ['shippingAddress.city', 'shippingAddress.country'],
      ],
      ['an array', [requestBody], ['']],
      ['null', 'null', ['']],
    ])('refuses %s and names each wrong field', async (_, body, fields) => {
      const before = await countOrders();
      const answer = await post(body);
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(answer.body).toMatchObject({ status: 400, title: expect.any(String) });
      expect(fieldsOf(answer)).toEqual(fields);
      expect(await countOrders()).toBe(before);
    });

    it('refuses products that are not sold, and names the lines', async () => {
      const answer = await post({ ...requestBody, lines: [line, ...manyLines.slice(0, 2)] });
      expect(answer.status).toBe(422);
      expect(fieldsOf(answer)).toEqual(['lines[1].sku', 'lines[2].sku']);
    });

    it.each([
      ['what is no JSON', 400, 'not valid JSON', 'application/json', '{"customer":'],
      ['nothing', 400, 'cannot be empty', 'application/json', ''],
      ['what is not called JSON', 415, 'send the body as JSON', 'text/plain', JSON.stringify(requestBody)],
      ['a form', 415, 'send the body as JSON', 'application/x-www-form-urlencoded', 'sku=mug-blue'],
      ['XML', 415, 'send the body as JSON', 'application/xml', '<order/>'],
      ['too much', 413, '64 KiB', 'application/json', JSON.stringify({ ...requestBody, note: 'x'.repeat(65_536) })],
    ])('refuses %s with %i and says "… %s …"', async (_, status, detail, type, body) => {
      const answer = await post(body, { 'content-type': type });
      expect(answer).toMatchObject({ status, body: { status, detail: expect.stringContaining(detail) } });
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    });

    it('takes a name in any script, without the spaces around it', async () => {
      const name = '雅'.repeat(200);
      const answer = await post({ ...requestBody, customer: { ...customer, name: ` ${name} ` } });
      expect(answer.status).toBe(202);
      expect((await request(`/orders/${String(answer.body['orderId'])}`)).body).toMatchObject({ customer: { name } });
    });
  });

  describe('an Idempotency-Key', () => {
    const withKey = (key: string, body: unknown = requestBody) => post(body, { 'idempotency-key': key });

    it('gets the same answer for the same body, and places one order', async () => {
      const key = uuidv7();
      const first = await withKey(key);
      await service.deliver([factsOf(String(first.body['orderId'])).reserved]);
      const second = await withKey(key, JSON.stringify(requestBody, null, 2));
      expect(second.status).toBe(202);
      expect(second.body).toEqual(first.body);
      expect(second.headers.get('location')).toBe(first.headers.get('location'));
      expect([first, second].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual(['false', 'true']);
      expect((await service.stated()).filter((event) => event.key === first.body['orderId'])).toHaveLength(1);
    });

    it('is refused with another body', async () => {
      const key = uuidv7();
      await withKey(key);
      const answer = await withKey(key, { ...requestBody, paymentToken: 'tok_declined' });
      expect(answer).toMatchObject({ status: 422, body: { type: expect.stringContaining('idempotency-key-reused') } });
    });

    it('places one order for fifty identical requests at once', async () => {
      const [key, before] = [uuidv7(), await countOrders()];
      const answers = await Promise.all(Array.from({ length: 50 }, () => withKey(key)));
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202));
      expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
      expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'false')).toHaveLength(1);
      expect(await countOrders()).toBe(before + 1);
    });

    it('places one order when two bodies race for it, and refuses the other', async () => {
      const key = uuidv7();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, n) =>
          withKey(key, { ...requestBody, paymentToken: n % 2 ? 'tok_visa' : 'tok_slow' }),
        ),
      );
      expect(answers.filter(({ status }) => status === 202)).toHaveLength(10);
      expect(answers.filter(({ status }) => status === 422)).toHaveLength(10);
    });

    it('is not used up by a request that was refused', async () => {
      const key = uuidv7();
      expect(await withKey(key, { ...requestBody, lines: [{ sku: 'unicorn', quantity: 1 }] })).toMatchObject({
        status: 422,
      });
      expect(await withKey(key)).toMatchObject({ status: 202 });
    });

    it.each(['', 'x'.repeat(256), 'clé'])('may not be %j', async (key) => {
      expect(await withKey(key)).toMatchObject({ status: 400, body: { errors: [{ field: 'Idempotency-Key' }] } });
    });
  });

  describe('reading orders', () => {
    it('answers 404 for an unknown id and 400 for what is no id', async () => {
      expect(await request(`/orders/${uuidv7()}`)).toMatchObject({
        status: 404,
        body: { type: expect.stringContaining('unknown-order') },
      });
      const answer = await request('/orders/42');
      expect(answer.status).toBe(400);
      expect(fieldsOf(answer)).toEqual(['orderId']);
    });

    it.each([
      ['that cannot be decoded', '/orders/%zz', 400],
      ['that is too long', `/orders/${'4'.repeat(500)}`, 414],
      ['that nothing is at', '/order', 404],
    ])('tells of a path %s as of any other problem', async (_, path, status) => {
      const answer = await request(path);
      expect(answer).toMatchObject({ status, body: { status, title: expect.any(String), instance: path } });
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    });

    it('lists all orders page by page, newest first, each once, while others are placed', async () => {
      const placed: string[] = [];
      for (let n = 0; n < 7; n++) placed.push(String((await post(requestBody)).body['orderId']));
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const { body } = await request(`/orders?limit=3${cursor ? `&cursor=${cursor}` : ''}`);
        const page = body as unknown as Page;
        expect(page.orders.length).toBeLessThanOrEqual(3);
        seen.push(...page.orders.map(({ orderId }) => orderId));
        cursor = page.nextCursor;
        if (seen.length < 7) await post(requestBody);
      } while (cursor);
      expect(seen.slice(0, 7)).toEqual(placed.toReversed());
      expect(new Set(seen).size).toBe(seen.length);
    });

    it('lists the orders of one status', async () => {
      const orderId = String((await post(requestBody)).body['orderId']);
      await service.deliver([factsOf(orderId).rejected]);
      const { body } = await request('/orders?status=cancelled');
      expect((body as unknown as Page).orders).toMatchObject([{ orderId, reason: 'out_of_stock', settled: true }]);
    });

    it.each([
      ['status=eaten', 'status'],
      ['limit=0', 'limit'],
      ['limit=101', 'limit'],
      ['limit=many', 'limit'],
      ['cursor=nonsense', 'cursor'],
      ['cursor=', 'cursor'],
      ['page=2', 'page'],
    ])('refuses ?%s and names it', async (query, field) => {
      const answer = await request(`/orders?${query}`);
      expect(answer.status).toBe(400);
      expect(fieldsOf(answer)).toEqual([field]);
    });

    it('lists what is sold', async () => {
      const { body } = await request('/products');
      expect(body['products']).toContainEqual({ sku: 'mug-blue', name: 'Mug, blue', priceCents: 1_200 });
    });

    it('describes requests and answers in its OpenAPI document, from the schemas that validate', async () => {
      const { body } = await request('/docs-json');
      const text = JSON.stringify(body);
      for (const part of ['"paymentToken"', '"Idempotency-Key"', '"nextCursor"', '"history"', '"maxItems":100']) {
        expect(text).toContain(part);
      }
    });
  });
});
