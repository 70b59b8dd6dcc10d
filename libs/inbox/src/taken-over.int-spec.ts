import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../testing/commands.js';
import { freshInboxDatabase } from '../testing/database.js';
import { shipped } from '../testing/events.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { DueWorker } from './due-worker.js';
import { Inbox } from './inbox.js';

let database: DataSource;
let close: () => Promise<void>;
let told: object[];

beforeAll(async () => {
  ({ database, close } = await freshInboxDatabase());
});
afterEach(() => database.query('truncate due, dead_letter, inbox'));
afterAll(() => close?.());

const partsOf = async (doings: Parameters<typeof handlersOf>[0], attempts: number) => {
  told = [];
  const tell = (fields: object) => void told.push(fields);
  const log = { debug: tell, info: tell, warn: tell, error: tell };
  return { ...(await handlingParts(database, handlersOf(doings), attempts)), log };
};

describe.each([
  ['has attempts left', 3],
  ['is out of attempts', 1],
])('a failure that nothing follows from is not told, where what %s', (_, attempts) => {
  it('is leased by another worker by now', async () => {
    const other = uuidv7();
    const takeOver = () =>
      database.query(
        `update due set leased_by = $1, leased_until = now() + interval '1 h', begun_by = begun_by || $1::uuid`,
        [other],
      );
    const does = () => takeOver().then(() => Promise.reject(new Error('not today')));
    const parts = await partsOf({ does }, attempts);
    await parts.due.add(database.manager, [command('a')]);
    const worker = new DueWorker(parts);
    worker.start();
    const rows = () => database.query<object[]>('select attempts, begun_by as "begunBy" from due');
    await expect.poll(rows, { timeout: 10_000 }).toEqual([{ attempts: 0, begunBy: [other] }]);
    await worker.stop();
    expect(told).toEqual([]);
    expect(await database.query('select from dead_letter')).toEqual([]);
  });

  it('was claimed by another replica when the connection was lost', async () => {
    const delivery = shipped();
    const reacts = async () => {
      await database.query(
        `select pg_terminate_backend(pid, 10000) from pg_stat_activity
         where datname = current_database() and state = 'idle in transaction'`,
      );
      await database.query('insert into inbox (message_id, type) values ($1, $2)', [delivery.id, delivery.type]);
      throw new Error('not today');
    };
    const parts = await partsOf({ reacts }, attempts);
    await new Inbox({ ...parts, doer: new DueWorker(parts) }).receive([delivery]);
    expect(told).toMatchObject([{ event: 'event_duplicate' }]);
    expect(await database.query('select from due union all select from dead_letter')).toEqual([]);
  });
});
