import { DataSource, type EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startForTest, type TestedService } from '#libs/service/testing';
import { freshDatabase, type FreshDatabase } from '../../../tools/postgres/testing.js';
import { OrderModule } from './order.module.js';
import { Orders } from './order.store.js';

const ORDERS = 20_000;
const LIMIT = 5;

const idOf = (n: number) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
const PLACED = idOf(10);
const CANCELLED = idOf(20);
const PAID = idOf(30);

describe('the table of many completed orders and few others', () => {
  let database: FreshDatabase;
  let service: TestedService;

  beforeAll(async () => {
    database = await freshDatabase();
    service = await startForTest(OrderModule, { url: database.url });
    await service.query(
      `insert into orders (id, status, reason, placed_at, settled_at, total_cents, correlation_id, customer, lines, shipping_address, history)
       select id, coalesce(other, 'completed'), case other when 'cancelled' then 'out_of_stock' end, now(),
         case when coalesce(other, 'cancelled') = 'cancelled' then now() end, 1, '', '{}', '[]', '{}', '[]'
       from generate_series(1, $1::int) n, concat('00000000-0000-7000-8000-', lpad(to_hex(n), 12, '0')) text(text),
         cast(text as uuid) id, lateral (select case id when $2 then 'placed' when $3 then 'cancelled' when $4 then 'paid' end) o(other)`,
      [ORDERS, PLACED, CANCELLED, PAID],
    );
    await service.query('analyze orders');
  });
  afterAll(async () => {
    await service?.close();
    await database?.drop();
  });

  const orders = () => service.get(Orders);
  /** How many rows of the table, or changes of them, `act` adds to a statistic. */
  const counted = (statistic: string, act: (tx: EntityManager) => Promise<unknown>) =>
    service.get(DataSource).transaction(async (tx) => {
      const count = async () => {
        const [row]: { n: number }[] = await tx.query(
          `select (${statistic})::int as n from pg_stat_xact_user_tables where relname = 'orders'`,
        );
        return row!.n;
      };
      const before = await count();
      await act(tx);
      return (await count()) - before;
    });

  it.each([
    ['the newest', {}, idOf(ORDERS)],
    ['those before a cursor', { before: idOf(LIMIT + 1) }, idOf(LIMIT)],
    ['completed ones', { status: 'completed' }, idOf(ORDERS)],
    ['placed ones', { status: 'placed' }, PLACED],
    ['paid ones', { status: 'paid' }, PAID],
    ['cancelled ones', { status: 'cancelled' }, CANCELLED],
    ['cancelled ones before a cursor', { status: 'cancelled', before: idOf(ORDERS) }, CANCELLED],
  ] as const)('is read in few rows for %s', async (_, question, first) => {
    let found: readonly { readonly orderId: string }[] = [];
    const read = await counted('coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)', async (tx) => {
      found = await orders().list({ ...question, limit: LIMIT }, tx);
    });
    expect(found[0]?.orderId).toBe(first);
    expect(read).toBeLessThanOrEqual(LIMIT);
  });

  it('has a change of status written to no index', async () => {
    const standing = { status: 'reserved', settled: false } as const;
    expect(await counted('n_tup_hot_upd', (tx) => orders().keep(PLACED, standing, [], tx))).toBe(1);
  });
});
