import { randomUUIDv7 } from 'node:crypto';
import { afterEach, beforeEach, expect, inject, it } from 'vitest';
import { createDatabaseAt, withClient } from '../../tools/postgres/connect.js';
import { Watch } from './watch.js';

let url: string;
let watch: Watch | undefined;

beforeEach(async () => {
  url = await createDatabaseAt(inject('POSTGRES_URL'), `watch_${randomUUIDv7()}`);
  await query('create table orders (id uuid primary key, settled_at timestamptz)');
});
afterEach(() => watch?.stop());

const query = (text: string) => withClient(url, (client) => client.query(text));

it('gives up an order that is not settled in time, and no other', async () => {
  const [settled, stuck] = [randomUUIDv7(), randomUUIDv7()];
  await query(`insert into orders values ('${settled}', null), ('${stuck}', null)`);
  watch = await Watch.start(url, 500);
  const stuckOrder = watch.settled(stuck);
  await Promise.all([
    expect(stuckOrder).rejects.toThrow(`order ${stuck} is not settled after 0.5 s`),
    query(`update orders set settled_at = now() where id = '${settled}'`).then(() => watch!.settled(settled)),
  ]);
  expect(watch.size).toBe(0);
});

it('rejects the orders under way when the database ends its connection', async () => {
  watch = await Watch.start(url);
  const order = watch.settled(randomUUIDv7());
  await Promise.all([expect(order).rejects.toThrow(), query(`select pg_terminate_backend(${watch.backend})`)]);
});

it('rejects the orders under way when it is stopped', async () => {
  watch = await Watch.start(url);
  const order = watch.settled(randomUUIDv7());
  await Promise.all([expect(order).rejects.toThrow('stopped'), watch.stop()]);
});

it('outlives a connection that ends while no order is under way', async () => {
  watch = await Watch.start(url);
  await query(`select pg_terminate_backend(${watch.backend})`);
  await expect.poll(() => watch!.settled(randomUUIDv7()).catch(() => 'rejected')).toBe('rejected');
});
