import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import { eventually } from '#libs/messaging/testing';
import { freshInboxDatabase } from '../testing/database.js';
import { shipped } from '../testing/events.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { DeadLetters } from './dead-letters.js';
import { DeadLetterReplayer } from './dead-letters-replayer.js';
import { DeadLetterReplays } from './dead-letters-replay.js';

let database: DataSource;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, close } = await freshInboxDatabase());
});
afterAll(() => close?.());

const begun = async (replays: DeadLetterReplays, letters: number, ratePerSecond: number) => {
  const key = uuidv7();
  for (let n = 0; n < letters; n++) {
    const { type, headers, body } = shipped();
    const letter = { kind: 'event', type, key, headers, body, reason: 'hopeless', attempts: 1 } as const;
    await new DeadLetters().add(database.manager, [{ ...letter, firstError: 'never', lastError: 'never' }]);
  }
  const { id } = await replays.create({ key }, { ratePerSecond, canary: false, by: 'ada' });
  return { id, key };
};

it('a replay that cannot go on says so once in a while, and neither holds up nor slows down another', async () => {
  const parts = await handlingParts(database, handlersOf({}), 1);
  const replays = new DeadLetterReplays(parts);
  const stuck = await begun(replays, 1, 1_000);
  // For some three seconds.
  const other = await begun(replays, 16, 5);
  await database.query(`alter table dead_letter add constraint stuck check (key <> '${stuck.key}' or due_id is null)`);
  const warned: string[] = [];
  const replayer = new DeadLetterReplayer({
    ...parts,
    log: { ...parts.log, warn: (_, line) => warned.push(line) },
    types: [],
    replays,
    onDue: () => undefined,
  });
  replayer.start();
  try {
    await eventually(async () => (await replays.progress(other.id))?.underWay === 16, 'the other one is handed over');
  } finally {
    await replayer.stop();
  }
  const [{ rows }]: [{ rows: number }] = await database.query('select count(*)::int as rows from due');
  expect(rows).toBe(16);
  expect(warned).toEqual([
    expect.stringMatching(new RegExp(`^replay ${stuck.id} of dead letters cannot go on: .*constraint "stuck"`)),
  ]);
});

it('a replay keeps its pace however long its steps take', async () => {
  const parts = await handlingParts(database, handlersOf({}), 1);
  const replays = new DeadLetterReplays(parts);
  const { id } = await begun(replays, 2, 1);
  await database.query(`update dead_letter_replay set paced_at = now() - interval '1 s' where id = $1`, [id]);
  const now = async (what: string) => (await database.query<[{ at: Date }]>(`select ${what} as at`))[0].at;
  const waiting = () =>
    database.query<object[]>(`select from pg_locks where relation = 'due'::regclass and not granted`);
  let step: Promise<unknown> | undefined;
  let amid: Date | undefined;
  await database.transaction(async (tx) => {
    await tx.query('lock table due in share mode');
    step = replays.advance(id);
    await eventually(async () => (await waiting()).length === 1, 'the step is under way');
    amid = await now('clock_timestamp()');
  });
  await step;
  const pacedAt = await now(`(select paced_at from dead_letter_replay where id = ${id})`);
  expect(pacedAt.getTime()).toBeLessThan(amid!.getTime());
});
