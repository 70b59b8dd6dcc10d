import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '#libs/messaging/testing';
import { command } from '../testing/commands.js';
import { freshInboxDatabase } from '../testing/database.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { DueWorker } from './due-worker.js';

const HOUR_MS = 3_600_000;

let database: DataSource;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, close } = await freshInboxDatabase());
});
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
