import type { Client } from 'pg';
import { DataSource } from 'typeorm';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { OrderPlaced } from '#libs/contracts';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { CreateOutbox1700000000001 } from './create-outbox.js';
import { Outbox, type OutboxRow } from './outbox.js';
import { RolledBack, send, transaction } from './sent.js';
import { Transactions } from './transactions.js';

let database: DataSource;
let drop: () => Promise<void>;
let transactions: Transactions;
let told: OutboxRow[];

beforeEach(async () => {
  const fresh = await freshDatabase();
  drop = fresh.drop;
  const migrations = [CreateOutbox1700000000001];
  database = new DataSource({ type: 'postgres', url: fresh.url, migrations, extra: { pipeline: true } });
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

it('changes nothing where no reader would take the correlation', async () => {
  const run = transactions.run(
    async (tx, state) => {
      await tx.query('insert into state values ($1)', [1]);
      state(placed);
    },
    { correlationId: 'x'.repeat(513) },
  );
  await expect(run).rejects.toThrow(/order\.placed cannot be sent: .*correlationId/s);
  expect(await left()).toEqual({ states: 0, ids: [] });
});

it('refuses to write events outside of a transaction', async () => {
  const message = { id: '', topic: 't', type: 'x', key: 'k', headers: {}, body: Buffer.alloc(0) };
  await expect(new Outbox('test').write(database.manager, [message])).rejects.toThrow('in a transaction only');
});

const ONE = 'insert into state values ($1)';

it('has nothing committed where a statement failed whose answer nobody waited for', async () => {
  const failing = transactions.run(async (tx, state) => {
    await tx.query(ONE, [1]);
    state(placed);
    await send(tx, 'insert into state select 1 / $1::int', [0]);
    return 'done';
  });
  await expect(failing).rejects.toThrow('division by zero');
  expect(await left()).toEqual({ states: 0, ids: [] });
  expect(told).toEqual([]);
});

it('tells what failed first, not what failed for that', async () => {
  const sent = transaction(database, async (tx) => {
    await send(tx, 'insert into state select 1 / $1::int', [0]);
    await tx.query(ONE, [1]);
  });
  await expect(sent).rejects.toThrow('division by zero');
  const asked = transaction(database, async (tx) => {
    await Promise.all([tx.query('insert into state select 1 / $1::int', [0]), send(tx, ONE, [1])]);
  });
  await expect(asked).rejects.toThrow('division by zero');
  expect(await left()).toEqual({ states: 0, ids: [] });
});

it('has nothing committed where the error of a statement was caught, whenever the end of that statement arrives', async () => {
  for (let n = 0; n < 100; n++) {
    const careless = transaction(database, async (tx) => {
      await send(tx, ONE, [1]);
      await tx.query('select 1 / $1::int', [0]).catch(() => undefined);
    });
    await expect(careless).rejects.toBeInstanceOf(RolledBack);
  }
  expect(await left()).toEqual({ states: 0, ids: [] });
  await transaction(database, async (tx) => {
    await tx.query(ONE, [1]);
    await tx.transaction((inner) => inner.query('select 1 / $1::int', [0])).catch(() => undefined);
  });
  expect(await left()).toEqual({ states: 1, ids: [] });
});

it('says that an error was caught, not what failed for that behind it', async () => {
  const careless = transaction(database, async (tx) => {
    const connection = (await tx.queryRunner!.connect()) as Client;
    connection.query('select 1 / 0').catch(() => undefined);
    await send(tx, ONE, [1]);
  });
  await expect(careless).rejects.toBeInstanceOf(RolledBack);
  expect(await left()).toEqual({ states: 0, ids: [] });
});

it('has statements take effect in the order in which they were sent and asked for', async () => {
  const seen = await transaction(database, async (tx) => {
    await send(tx, ONE, [1]);
    const rows: { n: number }[] = await tx.query('update state set n = n + $1 returning n', [1]);
    await send(tx, 'update state set n = n * $1', [5]);
    return rows;
  });
  expect(seen).toEqual([[{ n: 2 }], 1]);
  expect(await database.query('select n from state')).toEqual([{ n: 10 }]);
});

it('waits for the answer in a transaction that looks at none in the end', async () => {
  const failing = database.transaction((tx) => send(tx, 'insert into state select 1 / $1::int', [0]));
  await expect(failing).rejects.toThrow('division by zero');
});

it('waits for the answer within a savepoint, since what is rolled back to it fails nothing else', async () => {
  await transaction(database, async (tx) => {
    await send(tx, ONE, [1]);
    const inner = tx.transaction((same) => send(same, 'insert into state select 1 / $1::int', [0]));
    await expect(inner).rejects.toThrow('division by zero');
    await send(tx, ONE, [2]);
  });
  expect(await left()).toMatchObject({ states: 2 });
});

it('sends nothing outside of a transaction', async () => {
  await expect(send(database.manager, ONE, [1])).rejects.toThrow('in a transaction only');
});
