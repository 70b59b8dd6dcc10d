import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { PreparingClient } from '../../libs/service/src/preparing-client.js';
import { freshDatabase } from '../../tools/postgres/testing.js';
import { readRecorded } from './recorded.js';

let folder: string;
let url: string;
let drop: () => Promise<void>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'farandole-record-'));
  ({ url, drop } = await freshDatabase());
  vi.stubEnv('BENCH_RECORD_TO', folder);
  await import('./record-statements.js');
});

afterAll(async () => {
  await drop();
  await rm(folder, { recursive: true });
});

it('writes down what a service sends, with one BEGIN for each transaction', async () => {
  const client = new PreparingClient({ connectionString: url });
  await client.connect();
  const query = (text: string, values?: unknown[]) => client.query(text, values) as Promise<unknown>;
  await query('create table kept (n int)');
  for (const n of [1, 2, 3]) {
    await query('START TRANSACTION');
    await query('insert into kept (n) values ($1)', [n]);
    await query('update kept set n = n + $1 where n = $1', [n]);
    await query('COMMIT');
  }
  await client.end();

  const recorded = (await readRecorded(folder)).toSorted((one, other) => one.nth - other.nth);
  expect(recorded.map(({ nth }) => nth)).toEqual(recorded.map((_, index) => index + 1));
  const transaction = (n: number) => [
    ['BEGIN', []],
    ['INSERT', [n]],
    ['UPDATE', [n]],
    ['COMMIT', []],
  ];
  expect(recorded.map(({ command, values }) => [command, values])).toEqual([
    ['CREATE', []],
    ...[1, 2, 3].flatMap(transaction),
  ]);
});
