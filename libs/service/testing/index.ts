import type { Type } from '@nestjs/common';
import { pino } from 'pino';
import { DataSource } from 'typeorm';
import { decode, type Envelope, type Headers } from '#libs/contracts';
import type { Delivery } from '#libs/messaging';
import { InMemoryTransport } from '#libs/messaging/testing';
import { definitionOf } from '../src/definition.js';
import { createServiceApp } from '../src/service-app.js';
import { readSettings } from '../src/settings.js';
import { deliveryOf } from './envelope-of.js';
import { settled } from './settled.js';

export { anyOrderOf, batchesOf } from './any-delivery.js';
export { endsTheSameInAnyOrder, type Story } from './any-order.js';
export { envelopeOf } from './envelope-of.js';

/** One service on a real database, fed by the test; nothing leaves its outbox. */
export interface TestedService {
  /** Base URL. */
  readonly http: string;
  /** Hands a batch through the inbox. Resolves once it is settled and no work is due any more, retries and commands included. */
  deliver(batch: readonly Envelope[]): Promise<void>;
  /** As `deliver`, for bytes that are no valid envelope. */
  deliverRaw(headers: Headers, body: Buffer): Promise<void>;
  /** As `deliver`, when the store handed them out before. */
  deliverAgain(batch: readonly Envelope[]): Promise<void>;
  /** The events that the service stated so far, in order. */
  stated(): Promise<Envelope[]>;
  query<Row>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  get<T>(token: Type<T>): T;
  close(): Promise<void>;
}

/** In place of a process's own. */
export const noMetrics = { render: async () => '', shutdown: async () => undefined };

/** Starts a service as `runService` does, without relay and subscription. `variables` are environment variables. */
export async function startForTest(
  module: Type,
  { url, variables: env = {} }: { url: string; variables?: Record<string, string> },
): Promise<TestedService> {
  const definition = definitionOf(module);
  const { settings, variables } = readSettings(definition, {
    ...env,
    DATABASE_URL: url,
    LOG_LEVEL: env['LOG_LEVEL'] ?? 'silent',
  });
  const log = pino({ level: settings.LOG_LEVEL });
  const transport = new InMemoryTransport({ topology: [], maxBatch: 100 });
  const { app, messaging, close } = await createServiceApp(module, {
    settings,
    variables,
    log,
    transport,
    metrics: noMetrics,
    isolated: true,
  });
  await app.listen(0, '127.0.0.1');
  const database = app.get(DataSource);
  const deliver = async (batch: readonly Delivery[]) => {
    await messaging.receive(batch);
    await settled(database, messaging);
  };
  return {
    http: (await app.getUrl()).replace('[::1]', '127.0.0.1'),
    deliver: (batch) => deliver(batch.map(deliveryOf)),
    deliverAgain: (batch) => deliver(batch.map((one) => ({ ...deliveryOf(one), redelivered: true }))),
    deliverRaw: (headers, body) =>
      deliver([
        { id: '', topic: '', type: headers['type'] ?? '', key: '', headers, body, redelivered: false, origin: 'test' },
      ]),
    stated: () => statedIn(database),
    query: <Row>(sql: string, parameters?: unknown[]) => database.query<Row[]>(sql, parameters),
    get: (token) => app.get(token, { strict: false }),
    close,
  };
}

async function statedIn(database: DataSource): Promise<Envelope[]> {
  const rows: { headers: string; body: Buffer }[] = await database.query(
    'select headers, body from outbox order by id',
  );
  return rows.map(({ headers, body }) => decode(JSON.parse(headers) as Headers, body) as Envelope);
}
