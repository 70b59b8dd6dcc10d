import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '#libs/messaging/testing';
import { freshInboxDatabase } from '../testing/database.js';
import { shipped } from '../testing/events.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { DeadLetterReplayer } from './dead-letters-replayer.js';
import { DeadLetterReplays } from './dead-letters-replay.js';

let database: DataSource;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, close } = await freshInboxDatabase());
});
afterAll(() => close?.());

it('a replay that cannot go on says so, and holds up no other', async () => {
  const parts = await handlingParts(database, handlersOf({}), 1);
  const replays = new DeadLetterReplays(parts);
  const begun = async () => {
    const { type, key, headers, body } = shipped();
    const letter = { kind: 'event', type, key, headers, body, reason: 'hopeless', attempts: 1 } as const;
    await parts.deadLetters.add(database.manager, [{ ...letter, firstError: 'never', lastError: 'never' }]);
    const { id } = await replays.create({ key }, { ratePerSecond: 1_000, canary: true, by: 'ada' });
    return { id, key };
  };
  const stuck = await begun();
  const other = await begun();
  await database.query(`alter table due add constraint stuck check (key <> '${stuck.key}')`);
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
    await eventually(async () => (await replays.progress(other.id))?.underWay === 1, 'the other one is handed over');
  } finally {
    await replayer.stop();
  }
  expect(await database.query('select key from due')).toEqual([{ key: other.key }]);
  expect(warned[0]).toMatch(new RegExp(`^replay ${stuck.id} of dead letters cannot go on: .*constraint "stuck"`));
});
