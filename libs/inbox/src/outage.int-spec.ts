import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encode, ShipmentCreated } from '#libs/contracts';
import { Handlers, MessagingMetrics, type Delivery, type HandlerInfo } from '#libs/messaging';
import { eventually } from '#libs/messaging/testing';
import { CreateOutbox1700000000001, Outbox } from '#libs/outbox';
import { startTemporaryPostgres, type RunningPostgres } from '../../../tools/postgres/index.js';
import { Claims } from './claims.js';
import { CreateInbox1700000000002 } from './create-inbox.js';
import { DeadLetters } from './dead-letters.js';
import { DueTable } from './due.js';
import { DueWorker } from './due-worker.js';
import { Inbox } from './inbox.js';

const EVENTS = 20;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

let server: RunningPostgres;
let database: DataSource;

beforeAll(async () => {
  server = await startTemporaryPostgres();
  database = await new DataSource({
    type: 'postgres',
    url: await server.createDatabase('inventory'),
    poolErrorHandler: () => undefined,
    migrations: [CreateOutbox1700000000001, CreateInbox1700000000002],
  }).initialize();
  await database.runMigrations();
});
afterAll(async () => {
  await database?.destroy();
  await server?.stop();
});

it('a database that dies amid a batch is no failure of its messages: none is settled, none counted, all take effect later', async () => {
  const claims = new Claims(1);
  await claims.keepPartitions(database);
  const gate = Promise.withResolvers<void>();
  let begun = 0;
  const parts = {
    service: 'inventory',
    database,
    // One attempt is all there is: what counts as one would be a dead letter.
    handlers: handlerOf(async () => (begun++, await gate.promise)),
    outbox: new Outbox('postgresql'),
    claims,
    due: new DueTable(),
    deadLetters: new DeadLetters(),
    limits: { retry: { attempts: 1, baseMs: 1, capMs: 1 }, timeoutMs: 30_000 },
    maxBatch: 100,
    paceMs: 0,
    perKey: true,
    log: silent,
    metrics: new MessagingMetrics('postgresql', 'inventory'),
    system: 'postgresql',
  };
  const inbox = new Inbox({ ...parts, doer: new DueWorker(parts) });
  const batch = Array.from({ length: EVENTS }, shipped);
  const received = inbox.receive(batch).then(
    () => 'settled',
    () => 'handed back',
  );
  await eventually(() => begun > 0, 'the first reaction begun');
  await server.kill();
  gate.resolve();
  expect(await received).toBe('handed back');
  await expect(inbox.receive(batch)).rejects.toThrow();
  await server.restart();
  const left = () => database.query(`select from inbox union all select from due union all select from dead_letter`);
  await expect.poll(() => left().catch(() => 'away'), { timeout: 30_000 }).toEqual([]);
  await inbox.receive(batch);
  expect(await database.query('select count(*)::int as n, max(attempts) as most from inbox')).toEqual([
    { n: EVENTS, most: 1 },
  ]);
  expect(await database.query('select from due union all select from dead_letter')).toEqual([]);
});

function handlerOf(react: () => Promise<void>): Handlers {
  const extras: HandlerInfo = { reactsTo: ShipmentCreated, emits: [] };
  return new Handlers(new Map([['event:shipment.created', Object.assign(react, { extras }) as never]]));
}

function shipped(): Delivery {
  const orderId = uuidv7();
  const { type, version, source } = ShipmentCreated;
  const { data } = ShipmentCreated({ orderId, shipmentId: uuidv7(), carrier: 'Post', trackingNumber: '1' });
  const event = { id: uuidv7(), type, version, source, key: orderId, time: new Date().toISOString() };
  const { headers, body } = encode({ ...event, correlationId: uuidv7(), data });
  const place = { topic: 'shipping.events', origin: 'test', redelivered: false };
  return { id: event.id, type, key: orderId, headers, body, ...place };
}
