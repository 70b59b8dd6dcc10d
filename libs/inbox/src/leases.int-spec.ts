import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '#libs/messaging/testing';
import { command } from '../testing/commands.js';
import { freshInboxDatabase } from '../testing/database.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { DueWorker } from './due-worker.js';

let database: DataSource;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, close } = await freshInboxDatabase());
});
afterAll(() => close?.());

it('leases are renewed beside a row that its end holds locked: no other worker begins what runs', async () => {
  const gate = Promise.withResolvers<void>();
  const begun: string[] = [];
  let ending = false;
  const handlers = handlersOf({
    does: async (key) => {
      begun.push(key);
      if (key === 'slow') await gate.promise;
    },
    ends: async (key) => {
      ending ||= key === 'hangs';
      await gate.promise;
    },
  });
  const parts = await handlingParts(database, handlers, 3);
  await parts.due.add(database.manager, [command('hangs'), command('slow')]);
  // With room for these two and no more.
  const worker = new DueWorker({ ...parts, concurrency: 1 });
  const other = new DueWorker(await handlingParts(database, handlers, 3));
  worker.start();
  try {
    await eventually(() => ending && begun.includes('slow'), 'one is under way, one at its end');
    const [{ until }]: [{ until: string }] = await database.query(
      `select leased_until::text as until from due where key = 'slow'`,
    );
    other.start();
    const over = async () => (await database.query<object[]>('select where now() > $1::timestamptz', [until])).length;
    await eventually(async () => begun.length > 2 || (await over()) === 1, 'the first lease is over', 30_000);
    await parts.due.add(database.manager, [command('next')]);
    await eventually(() => begun.includes('next'), 'the other worker has looked since', 30_000);
    expect(begun).toEqual(['hangs', 'slow', 'next']);
    const waiting = await database.query(
      `select query from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    expect(waiting).toEqual([]);
  } finally {
    gate.resolve();
    await Promise.all([worker.stop(), other.stop()]);
  }
  expect(await database.query('select attempts from inbox')).toEqual([
    { attempts: 1 },
    { attempts: 1 },
    { attempts: 1 },
  ]);
});
