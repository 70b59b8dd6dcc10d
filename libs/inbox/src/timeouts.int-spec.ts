import { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { eventually } from '#libs/messaging/testing';
import { command } from '../testing/commands.js';
import { freshInboxDatabase } from '../testing/database.js';
import { shipped } from '../testing/events.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { DueWorker } from './due-worker.js';
import { Inbox } from './inbox.js';

const HOUR_MS = 3_600_000;

let database: DataSource;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, close } = await freshInboxDatabase());
});
afterEach(() => database.query('truncate dead_letter'));
afterAll(() => close?.());

it('a command whose call may take an hour has no such time for its end', async () => {
  const never = new Promise<never>(() => undefined);
  const handlers = handlersOf({ ends: (key) => (key === 'hangs' ? never : Promise.resolve()), timeoutMs: HOUR_MS });
  const parts = await handlingParts(database, handlers, 1);
  await parts.due.add(database.manager, [command('hangs'), command('ends')]);
  const worker = new DueWorker({ ...parts, limits: { ...parts.limits, timeoutMs: 100 } });
  worker.start();
  await eventually(
    async () => (await database.query<object[]>('select from due')).length === 0,
    'both are at an end',
    20_000,
  );
  await worker.stop();
  expect(await database.query('select key, last_error from dead_letter')).toEqual([
    { key: 'hangs', last_error: 'TimedOut: the handler of payment.charge did not end within 100 ms' },
  ]);
});

it('a reaction that waits in the database is ended there, also where the connection is given in parts', async () => {
  const { hostname, port, username, password, pathname } = new URL((database.options as { url: string }).url);
  const parted = await new DataSource({
    type: 'postgres',
    host: hostname,
    port: Number(port),
    username,
    password,
    database: pathname.slice(1),
  }).initialize();
  await database.query('create table wanted ()');
  const holder = database.createQueryRunner();
  await holder.startTransaction();
  await holder.query('lock table wanted');
  try {
    const handlers = handlersOf({ reacts: (_, tx) => tx.query('lock table wanted') });
    const parts = await handlingParts(parted, handlers, 1);
    const limits = { ...parts.limits, timeoutMs: 100 };
    const inbox = new Inbox({ ...parts, limits, doer: new DueWorker(parts) });
    const received = inbox.receive([shipped()]);
    const letters = () => database.query<object[]>('select last_error from dead_letter');
    await expect
      .poll(letters, { timeout: 10_000 })
      .toEqual([{ last_error: 'TimedOut: the handler of shipment.created did not end within 100 ms' }]);
    await received;
  } finally {
    await holder.rollbackTransaction();
    await holder.release();
    await parted.destroy();
  }
});
