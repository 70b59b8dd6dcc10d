import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Delivery } from '#libs/messaging';
import { freshInboxDatabase } from '../testing/database.js';
import { shipped } from '../testing/events.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { story } from './dead-letters-story.js';
import { DueWorker } from './due-worker.js';
import { Inbox } from './inbox.js';

let database: DataSource;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, close } = await freshInboxDatabase());
});
afterAll(() => close?.());

/** Cut off on its way. */
const cut = (delivery: Delivery, id: string): Delivery => ({
  ...delivery,
  headers: { ...delivery.headers, id },
  body: delivery.body.subarray(1),
});

it('the story of a key has what cannot be read, under the id that others know it by', async () => {
  const parts = await handlingParts(database, handlersOf({}), 1);
  const inbox = new Inbox({ ...parts, doer: new DueWorker(parts) });
  const [one, other] = [shipped(), shipped()];
  await inbox.receive([cut(one, one.id.toUpperCase()), { ...cut(other, '0'.repeat(36)), key: one.key }]);
  expect(await database.query('select message_id from dead_letter order by id')).toEqual([
    { message_id: one.id },
    { message_id: '0'.repeat(36) },
  ]);
  const told = await story(database.manager, parts.claims, { ids: [one.id], key: one.key });
  expect(told).toMatchObject([{ id: one.id, type: one.type, deadLetter: { reason: 'malformed' } }]);
});
