import type { DataSource } from 'typeorm';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { eventually } from '#libs/messaging/testing';
import { command } from '../testing/commands.js';
import { freshInboxDatabase } from '../testing/database.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { DueTable } from './due.js';
import { DueWorker } from './due-worker.js';

let database: DataSource;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, close } = await freshInboxDatabase());
});
afterEach(() => database.query('truncate due, inbox'));
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
    // One renewal, for the case that the end fails.
    expect(waiting).toHaveLength(1);
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

it('an end that fails after more than its lease is a failed attempt, and nothing that others look for all the time', async () => {
  const gate = Promise.withResolvers<void>();
  const begun: string[] = [];
  let ending = false;
  const handlers = handlersOf({
    does: async (key) => void begun.push(key),
    ends: () => {
      ending = true;
      return gate.promise;
    },
  });
  let looks = 0;
  class Observed extends DueTable {
    override lease(...args: Parameters<DueTable['lease']>) {
      looks++;
      return super.lease(...args);
    }
  }
  /** Late enough for others to have looked. */
  class Slow extends DueTable {
    override async postpone(...args: Parameters<DueTable['postpone']>) {
      const before = looks;
      await eventually(() => looks > before + 1, 'the other worker has looked');
      return super.postpone(...args);
    }
  }
  const parts = await handlingParts(database, handlers, 3);
  await parts.due.add(database.manager, [command('fails')]);
  const limits = { ...parts.limits, retry: { attempts: 3, baseMs: 3_600_000, capMs: 3_600_000 } };
  const worker = new DueWorker({ ...parts, limits, due: new Slow() });
  const other = new DueWorker({ ...parts, due: new Observed() });
  const longOver = async () =>
    (await database.query<object[]>(`select from due where now() > leased_until + interval '2 s'`)).length === 1;
  worker.start();
  try {
    await eventually(() => ending, 'it is at its end');
    other.start();
    await eventually(longOver, 'the lease is over for long', 30_000);
    expect(looks).toBeLessThan(25);
    gate.reject(new Error('not today'));
    const rows = () =>
      database.query<object[]>(
        'select attempts, last_error is not null as told, due_at > now() as rests, leased_by, begun_by from due',
      );
    const failed = { attempts: 1, told: true, rests: true, leased_by: null, begun_by: [] };
    await expect.poll(rows, { timeout: 20_000 }).toEqual([failed]);
    expect(begun).toEqual(['fails']);
  } finally {
    gate.resolve();
    await Promise.all([worker.stop(), other.stop()]);
  }
});
