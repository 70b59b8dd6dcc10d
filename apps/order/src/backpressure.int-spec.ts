import { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { factsOf, requestBody } from '../testing/story.js';
import { OrderModule } from './order.module.js';

const [MOST_EVENTS, MOST_ORDERS, MOST_REQUESTS] = [20, 60, 5];

describe('taking orders under load', () => {
  let database: FreshDatabase;
  let service: TestedService;

  beforeAll(async () => {
    database = await freshDatabase();
    const variables = {
      OUTBOX_MAX_DEPTH: String(MOST_EVENTS),
      ORDERS_MAX_UNSETTLED: String(MOST_ORDERS),
      REQUESTS_MAX_PENDING: String(MOST_REQUESTS),
    };
    service = await startForTest(OrderModule, { url: database.url, variables });
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
  });
  beforeEach(async () => {
    await service.query('truncate outbox, orders');
    await untilAnswered(202);
    await service.query('truncate outbox, orders');
  });

  const post = (signal?: AbortSignal) =>
    fetch(`${service.http}/orders`, {
      ...(signal && { signal }),
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(requestBody),
    });
  const untilAnswered = async (status: number) => {
    await expect.poll(async () => (await post()).status, { timeout: 10_000, interval: 20 }).toBe(status);
  };
  const detail = async () => ((await (await post()).json()) as { detail?: string }).detail;
  const count = async (table: string) =>
    (await service.query<{ n: number }>(`select count(*)::int as n from ${table}`))[0]!.n;

  it('stops when too many events wait, says when to come again, and goes on once they are gone', async () => {
    await untilAnswered(503);
    expect(await count('outbox')).toBeGreaterThan(MOST_EVENTS);
    const before = await count('orders');
    const answer = await post();
    expect(answer.status).toBe(503);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answer.json()).toMatchObject({ status: 503, type: 'urn:farandole:problem:overloaded' });
    expect(await count('orders')).toBe(before);
    await service.query('delete from outbox');
    await untilAnswered(202);
  });

  it('stops when more than ten events wait too long', async () => {
    const untilTooOld = async () => {
      await service.query(`update outbox set created_at = now() - interval '61 s'`);
      await expect.poll(detail, { timeout: 10_000, interval: 20 }).toMatch(/could not be passed on for 6\d s/);
    };
    for (let n = 0; n < 11; n++) expect((await post()).status).toBe(202);
    await untilTooOld();
    await service.query(`update outbox set created_at = now() - interval '59 s'`);
    await untilAnswered(202);
    await untilTooOld();
    await service.query('delete from outbox where id not in (select id from outbox order by id limit 10)');
    await untilAnswered(202);
  });

  it('stops when too many orders are not settled, wherever they wait, but for those that are stuck', async () => {
    const underWay = async () => {
      const told = `${MOST_ORDERS} orders are under way already`;
      const look = async () => {
        await service.query('truncate outbox');
        return detail();
      };
      await expect.poll(look, { timeout: 20_000, interval: 5 }).toBe(told);
    };
    await underWay();
    await service.query(`update orders set stored_at = now() - interval '1 day'`);
    await untilAnswered(202);
    await underWay();
    const young = `select id from orders where stored_at > now() - interval '1 hour'`;
    const ids = (await service.query<{ id: string }>(young)).map(({ id }) => id);
    await service.deliver(ids.map((id) => factsOf(id).shipped));
    await service.query('truncate outbox');
    await untilAnswered(202);
  });

  it('answers some and turns the others away at once when too many come together', async () => {
    const held = service.get(DataSource).createQueryRunner();
    await held.startTransaction();
    await held.query('lock table orders in exclusive mode');
    const answers = Array.from({ length: 4 * MOST_REQUESTS }, () => post());
    const early: number[] = [];
    for (const answer of answers) void answer.then(({ status }) => early.push(status));
    await expect.poll(() => early.length).toBe(3 * MOST_REQUESTS);
    expect(new Set(early)).toEqual(new Set([503]));
    await held.commitTransaction();
    await held.release();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(MOST_REQUESTS);
    await untilAnswered(202);
  });

  it('forgets those who hang up while it waits for the database to see what is under way', async () => {
    await service.close();
    // Has not looked yet, so it waits for its first look.
    service = await startForTest(OrderModule, {
      url: database.url,
      variables: { REQUESTS_MAX_PENDING: String(MOST_REQUESTS) },
    });
    const held = service.get(DataSource).createQueryRunner();
    await held.startTransaction();
    await held.query('lock table outbox in access exclusive mode');
    const patience = new AbortController();
    const turnedAway: number[] = [];
    const answers = Array.from({ length: 2 * MOST_REQUESTS }, () => post(patience.signal));
    for (const answer of answers) answer.then(({ status }) => turnedAway.push(status)).catch(() => undefined);
    await expect.poll(() => turnedAway).toEqual(Array.from({ length: MOST_REQUESTS }, () => 503));
    patience.abort();
    await Promise.allSettled(answers);
    await held.commitTransaction();
    await held.release();
    await untilAnswered(202);
  });
});
