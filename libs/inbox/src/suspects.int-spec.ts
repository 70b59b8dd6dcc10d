import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '#libs/messaging/testing';
import { command, commands } from '../testing/commands.js';
import { freshInboxDatabase } from '../testing/database.js';
import { shipped } from '../testing/events.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { DueWorker } from './due-worker.js';
import { Inbox } from './inbox.js';
import { Suspects } from './suspects.js';

const EACH = 10;

describe('Suspects', () => {
  let database: DataSource;
  let close: () => Promise<void>;

  beforeAll(async () => {
    ({ database, close } = await freshInboxDatabase());
  });

  afterAll(() => close?.());

  it('counts the processes that a message did not let live', async () => {
    const [killer, innocent] = [randomUUID(), randomUUID()];
    for (let run = 0; run < 3; run++) {
      const suspects = new Suspects(10);
      await suspects.record(database.manager, [killer, innocent]);
      await suspects.clear(database.manager, [innocent]);
    }
    const recorded = await new Suspects(10).begin(database.manager, [killer, innocent]);
    expect(recorded).toEqual(new Map([[killer, 3]]));
  });

  it('counts a process once, however often it tries', async () => {
    const id = randomUUID();
    const suspects = new Suspects(10);
    for (let attempt = 0; attempt < 5; attempt++) await suspects.record(database.manager, [id]);
    expect(await suspects.begin(database.manager, [id])).toEqual(new Map());
    expect(await new Suspects(10).begin(database.manager, [id])).toEqual(new Map([[id, 1]]));
  });

  it('records what is begun together, and forgets it once survived', async () => {
    const [first, second, next] = [randomUUID(), randomUUID(), randomUUID()];
    const suspects = new Suspects(10);
    await suspects.begin(database.manager, [first, second]);
    await suspects.survived(database.manager, [first]);
    await suspects.begin(database.manager, [next]);
    const recorded = await new Suspects(10).begin(database.manager, [first, second, next]);
    expect(recorded).toEqual(
      new Map([
        [second, 1],
        [next, 1],
      ]),
    );
  });

  it('forgets what was survived with the end of the watch', async () => {
    const id = randomUUID();
    const suspects = new Suspects(1);
    await suspects.begin(database.manager, [id]);
    await suspects.survived(database.manager, [id]);
    expect(await new Suspects(1).begin(database.manager, [id])).toEqual(new Map());
  });

  it('watches as many messages as it was told to', async () => {
    const suspects = new Suspects(2);
    await suspects.record(database.manager, [randomUUID(), randomUUID()]);
    expect(suspects.watching).toBe(false);
  });

  it('has what an earlier process may have died of handled one at a time, delivered again and due', async () => {
    let [underWay, most] = [0, 0];
    const handled = { commands: 0, events: 0 };
    const takesAWhile = async (kind: keyof typeof handled) => {
      most = Math.max(most, ++underWay);
      for (let trips = 0; trips < 10; trips++) await database.query('select 1');
      underWay--;
      handled[kind]++;
    };
    const handlers = handlersOf({ does: () => takesAWhile('commands'), reacts: () => takesAWhile('events') });
    const parts = await handlingParts(database, handlers, 3);
    const deliveries = Array.from({ length: EACH }, shipped);
    const ids = deliveries.map(({ id }) => id);
    await new Suspects(EACH).record(database.manager, ids);
    await parts.due.add(database.manager, commands(EACH));
    await database.query('update due set begun_by = $1::uuid[]', [[randomUUID()]]);
    const worker = new DueWorker(parts);
    const inbox = new Inbox({ ...parts, doer: worker });
    worker.start();
    await inbox.receive(deliveries);
    await eventually(() => handled.commands === EACH, 'the commands are done as well');
    await worker.stop();
    expect(handled.events).toBe(EACH);
    expect(most).toBe(1);
    expect(await database.query('select from due union all select from dead_letter')).toEqual([]);
    expect(await new Suspects(EACH).begin(database.manager, ids)).toEqual(new Map());
  });

  it.each([
    [1, 1],
    [2, 2],
    [3, 3],
    [3, 50],
  ])(
    'gives up, at %i attempts of the service and %i of the handler, only what the process ended with while it was alone',
    async (attempts, own) => {
      const parts = await handlingParts(database, handlersOf({ retry: { attempts: own } }), attempts);
      const inbox = new Inbox({ ...parts, doer: new DueWorker(parts) });
      const batch = Array.from({ length: EACH }, shipped);
      const [killer = '', notBegun, ...others] = batch.map(({ id }) => id);
      await new Suspects(EACH).begin(database.manager, [killer, ...others]);
      await new Suspects(EACH).record(database.manager, [killer]);
      await inbox.receive(batch);
      const handled = await parts.claims.story(database.manager, [notBegun!, ...others]);
      expect(handled).toHaveLength(EACH - 1);
      const letters = await database.query('select message_id, reason, attempts, last_error from dead_letter');
      const last_error = expect.stringContaining('ended 2 times') as string;
      expect(letters).toEqual([{ message_id: killer, reason: 'hopeless', attempts: 2, last_error }]);
      await database.query('truncate dead_letter');
    },
  );

  it.each([1, 2])('gives up, at %i attempts, of what is due only what was alone, too', async (attempts) => {
    const parts = await handlingParts(database, handlersOf({}), attempts);
    await parts.due.add(database.manager, [command('killer'), ...commands(EACH, 'beside')]);
    await database.query('update due set begun_by = array[gen_random_uuid()]');
    await database.query(`update due set begun_by = begun_by || gen_random_uuid() where key = 'killer'`);
    const worker = new DueWorker(parts);
    worker.start();
    await eventually(async () => (await database.query<object[]>('select from due')).length === 0, 'all done');
    await worker.stop();
    const letters = await database.query('select key, reason, attempts, last_error from dead_letter');
    const last_error = expect.stringContaining('ended 2 times') as string;
    expect(letters).toEqual([{ key: 'killer', reason: 'hopeless', attempts: 2, last_error }]);
    await database.query('truncate dead_letter');
  });
});
