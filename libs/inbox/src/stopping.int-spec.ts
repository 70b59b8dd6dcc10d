import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChargePayment } from '#libs/contracts';
import { eventually } from '#libs/messaging/testing';
import { freshInboxDatabase } from '../testing/database.js';
import { shipped } from '../testing/events.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { DueWorker } from './due-worker.js';

let database: DataSource;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, close } = await freshInboxDatabase());
});
afterAll(() => close?.());

it('a worker that stops waits for a command that was leased before, and is committed only then', async () => {
  await database.query(`create function wait() returns trigger language plpgsql as
    $$ begin perform pg_advisory_xact_lock(1); return new; end $$`);
  await database.query(
    `create trigger wait before insert on due for each row when (new.kind = 'command') execute function wait()`,
  );
  const handlers = handlersOf({
    reacts: async () => ChargePayment({ orderId: uuidv7(), amountCents: 1, paymentToken: 'tok_visa' }),
  });
  const parts = await handlingParts(database, handlers, 3);
  const { type, key, headers, body } = shipped();
  await parts.due.add(database.manager, [{ kind: 'event', type, key, headers, body, attempts: 1, delayMs: 0 }]);
  const worker = new DueWorker(parts);
  const waiting = () => database.query<object[]>(`select from pg_locks where locktype = 'advisory' and not granted`);

  let stopped: Promise<void> | undefined;
  await database.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock(1)');
    worker.start();
    await eventually(async () => (await waiting()).length === 1, 'the command is being written');
    stopped = worker.stop();
    // The worker looks for nothing more: what it runs is the event alone.
    await worker['loop'];
  });
  await stopped;
  expect(await database.query('select kind from due')).toEqual([]);
});
