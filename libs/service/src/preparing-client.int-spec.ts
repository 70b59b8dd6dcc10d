import { once, type EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { PreparingClient } from './preparing-client.js';

let client: PreparingClient;
let url: string;
let drop: () => Promise<void>;

const connectionOf = (of: PreparingClient) =>
  (of as unknown as { connection: EventEmitter & { stream: Socket } }).connection;

const query = (text: string, values?: unknown[]) =>
  client.query(text, values) as Promise<{ rows: Record<string, unknown>[] }>;
const insert = (n: number) => query('insert into kept (n) values ($1)', [n]);
const kept = async () => (await query('select n from kept order by n')).rows.map(({ n }) => n);

beforeEach(async () => {
  const fresh = await freshDatabase();
  ({ url, drop } = fresh);
  client = new PreparingClient({ connectionString: url, pipeline: true });
  await client.connect();
  await query('create table kept (n int primary key)');
  await query('START TRANSACTION');
  await query('COMMIT');
});

afterEach(async () => {
  await client.end();
  await drop();
});

it('begins a transaction with its first statement', async () => {
  await query('START TRANSACTION');
  expect((await insert(1)).rows).toEqual([]);
  await insert(2);
  await query('ROLLBACK');
  expect(await kept()).toEqual([]);

  await query('START TRANSACTION');
  const { rows } = await query('insert into kept (n) select unnest($1::int[]) returning n', [[1, 2]]);
  await query('COMMIT');
  expect(rows).toEqual([{ n: 1 }, { n: 2 }]);
  expect(await kept()).toEqual([1, 2]);
});

it('does not run a statement whose transaction could not be begun, nor what was asked for with it', async () => {
  await query('deallocate all');
  await query('START TRANSACTION');
  const answers = await Promise.allSettled([insert(1), insert(2)]);
  await query('ROLLBACK');
  for (const answer of answers) {
    expect(answer).toMatchObject({ reason: { message: 'prepared statement "begin" does not exist' } });
  }
  expect(await kept()).toEqual([]);
});

it('tells of a first statement that fails, and goes on after the rollback', async () => {
  await insert(1);
  await query('START TRANSACTION');
  await expect(insert(1)).rejects.toMatchObject({ constraint: 'kept_pkey' });
  await query('ROLLBACK');
  await query('START TRANSACTION');
  await insert(2);
  await query('COMMIT');
  expect(await kept()).toEqual([1, 2]);
});

it('tells that nothing was committed where a statement failed before', async () => {
  for (const failing of [() => insert(1), () => query('select 1 / 0')]) {
    await query('START TRANSACTION');
    await insert(1);
    await failing().catch(() => undefined);
    await expect(query('COMMIT')).rejects.toMatchObject({ code: '25P02', message: expect.stringMatching('savepoint') });
    expect(await kept()).toEqual([]);
  }
});

it('begins with statements that cannot be prepared, too', async () => {
  await query('START TRANSACTION');
  await query('insert into kept values (1); insert into kept values (2)');
  await query('ROLLBACK');
  await query('START TRANSACTION');
  await query('COMMIT');
  expect(await kept()).toEqual([]);
});

it('has a statement described once', async () => {
  let descriptions = 0;
  connectionOf(client).on('rowDescription', () => descriptions++);
  for (const n of [1, 2]) {
    const { rows } = await query('insert into kept (n) values ($1) returning n, n * 2::bigint as twice', [n]);
    expect(rows).toEqual([{ n, twice: String(2 * n) }]);
  }
  expect((await insert(3)).rows).toEqual([]);
  expect((await insert(4)).rows).toEqual([]);
  expect(descriptions).toBe(1);
});

it('has statements planned once, and by index', async () => {
  for (const [name, value] of [
    ['plan_cache_mode', 'force_generic_plan'],
    ['enable_seqscan', 'off'],
    ['jit', 'off'],
  ])
    expect((await query(`show ${name}`)).rows).toEqual([{ [name!]: value }]);
});

it('refuses a statement whose columns have changed', async () => {
  const read = () => query('select kept.* from kept where n >= $1', [0]);
  await insert(1);
  expect((await read()).rows).toEqual([{ n: 1 }]);
  await query('alter table kept add column m int');
  await expect(read()).rejects.toThrow('cached plan must not change result type');
});

it('ends a connection that is silent while an answer is due, and no other', async () => {
  const impatient = new PreparingClient({ connectionString: url, pipeline: true, query_timeout: 200 });
  impatient.on('error', () => undefined);
  await impatient.connect();
  await once(connectionOf(impatient).stream, 'timeout');
  const ask = (text: string) => impatient.query(text) as Promise<unknown>;
  await ask('select 1');
  await expect(ask('select pg_sleep(60)')).rejects.toThrow('Query read timeout');
  await impatient.end();
});
