import type { DataSource, EntityManager } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '#libs/messaging/testing';
import { startTemporaryPostgres, type RunningPostgres } from '../../../tools/postgres/index.js';
import { migratedDatabase } from '../testing/database.js';
import { shipped } from '../testing/events.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { DueWorker } from './due-worker.js';
import { Inbox } from './inbox.js';

const EVENTS = 20;

let server: RunningPostgres;
let database: DataSource;

beforeAll(async () => {
  server = await startTemporaryPostgres();
  database = await migratedDatabase(await server.createDatabase('inventory'));
});
afterAll(async () => {
  await database?.destroy();
  await server?.stop();
});

it('a database that dies amid a batch is no failure of its messages: none is settled, none counted, all take effect later', async () => {
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const handlers = handlersOf({
    reacts: async (_, tx) => {
      begun++;
      await gate.promise;
      await tx.query('select 1');
    },
  });
  // One attempt is all there is: what counts as one would be a dead letter.
  const parts = await handlingParts(database, handlers, 1);
  const inbox = new Inbox({ ...parts, doer: new DueWorker(parts) });
  const batch = Array.from({ length: EVENTS }, shipped);
  const received = inbox.receive(batch).then(
    () => 'settled',
    () => 'handed back',
  );
  await eventually(() => begun > 0, 'the first reaction begun');
  await server.kill();
  gate.resolve();
  expect(await received).toBe('handed back');
  await expect(inbox.receive(batch)).rejects.toThrow();
  await server.restart();
  const left = () => database.query(`select from inbox union all select from due union all select from dead_letter`);
  await expect.poll(() => left().catch(() => 'away'), { timeout: 30_000 }).toEqual([]);
  await inbox.receive(batch);
  expect(await database.query('select count(*)::int as n, max(attempts) as most from inbox')).toEqual([
    { n: EVENTS, most: 1 },
  ]);
  expect(await database.query('select from due union all select from dead_letter')).toEqual([]);
});

const refused = () => Object.assign(new Error('connect ECONNREFUSED, to a cache'), { code: 'ECONNREFUSED' });

it.each<[string, (tx: EntityManager) => Promise<unknown>]>([
  ['something else is out of reach', () => Promise.reject(refused())],
  [
    'something else is out of reach, after a statement failed',
    (tx) => tx.query('select 1 / 0').catch(() => Promise.reject(refused())),
  ],
  ['a statement lacks a parameter', (tx) => tx.query('select $1::int, $2::int', [1])],
  [
    'a statement needs more temporary files than it may',
    async (tx) => {
      await tx.query(`set local temp_file_limit = 1; set local work_mem = '64kB'`);
      await tx.query('select n from generate_series(1, 100000) n order by n desc');
    },
  ],
  ['a library is missing', (tx) => tx.query(`load 'nowhere'`)],
  [
    'a foreign server is out of reach, as its wrapper tells',
    (tx) => tx.query('do $$ begin raise sqlclient_unable_to_establish_sqlconnection; end $$'),
  ],
])('%s: a failure of the message, no outage of the database', async (_, fails) => {
  const handlers = handlersOf({ reacts: async (_key, tx) => void (await fails(tx)) });
  const parts = await handlingParts(database, handlers, 1);
  const inbox = new Inbox({ ...parts, doer: new DueWorker(parts) });
  await database.query('truncate dead_letter');
  await inbox.receive([shipped(), shipped()]);
  expect(await database.query('select reason, attempts from dead_letter')).toEqual([
    { reason: 'out_of_attempts', attempts: 1 },
    { reason: 'out_of_attempts', attempts: 1 },
  ]);
});
