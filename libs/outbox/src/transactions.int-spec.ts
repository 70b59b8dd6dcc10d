import { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { OrderPlaced } from '#libs/contracts';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { CreateOutbox1700000000001 } from './create-outbox.js';
import { Outbox, type OutboxRow } from './outbox.js';
import { Transactions } from './transactions.js';

let database: DataSource;
let drop: () => Promise<void>;
let transactions: Transactions;
let told: OutboxRow[];

beforeEach(async () => {
  const fresh = await freshDatabase();
  drop = fresh.drop;
  database = new DataSource({ type: 'postgres', url: fresh.url, migrations: [CreateOutbox1700000000001] });
  await database.initialize();
  await database.runMigrations();
  await database.query('create table state (n int)');
  const outbox = new Outbox('test');
  told = [];
  outbox.onCommitted((rows) => told.push(...rows));
  transactions = new Transactions(database, outbox);
});

afterEach(async () => {
  await database.destroy();
  await drop();
});

const placed = OrderPlaced({
  orderId: '0190b5a0-0000-7000-8000-000000000001',
  customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
  lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_200 }],
  totalCents: 2_400,
  shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
  paymentToken: 'tok_visa',
});

const changeAndTell = () =>
  transactions.run(async (tx, state) => {
    await tx.query('insert into state values ($1)', [1]);
    state(placed, placed);
    return 'done';
  });
const left = async () => ({
  states: (await database.query<object[]>('select * from state')).length,
  ids: (await database.query<{ id: string }[]>('select id from outbox order by id')).map(({ id }) => Number(id)),
});

it('commits a change and the events that tell of it, and says which rows they have', async () => {
  expect(await changeAndTell()).toBe('done');
  const { states, ids } = await left();
  expect(states).toBe(1);
  expect(ids).toHaveLength(2);
  expect(told.map(({ rowId }) => rowId)).toEqual(ids);
});

it('changes nothing and tells nobody where the events cannot be written', async () => {
  await database.query('alter table outbox add constraint nothing_more check (id < 0)');
  await expect(changeAndTell()).rejects.toThrow('nothing_more');
  expect(await left()).toEqual({ states: 0, ids: [] });
  expect(told).toEqual([]);
});

it('refuses to write events outside of a transaction', async () => {
  const message = { id: '', topic: 't', type: 'x', key: 'k', headers: {}, body: Buffer.alloc(0) };
  await expect(new Outbox('test').write(database.manager, [message])).rejects.toThrow('in a transaction only');
});
