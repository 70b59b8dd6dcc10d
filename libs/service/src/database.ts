import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { DataSource, type MigrationInterface } from 'typeorm';
import { CreateInbox1700000000002 } from '#libs/inbox';
import { CreateOutbox1700000000001 } from '#libs/outbox';
import type { Log } from './log.js';
import { PreparingClient } from './preparing-client.js';
import type { Settings } from './settings.js';

type Migration = new () => MigrationInterface;
const CONNECT_MS = 5_000;
const LONGEST_PAUSE_MS = 5_000;
/** The server ends a statement in time; an answer that is later than this is not to come any more. */
const ANSWER_LATE_MS = 5_000;
/** Whether a server is still there is asked once it has said nothing for so long, where nothing limits a statement. */
const KEEP_ALIVE_MS = 10_000;
/** Any number, the same in each replica: one of them migrates. */
const LOCK = 7_205_003;
const LOCK_POLL_MS = 500;

/** A data source, connected and migrated; waits for the server as long as it takes. */
export async function openDatabase(
  settings: Settings,
  migrations: readonly Migration[],
  log: Log,
): Promise<DataSource> {
  await untilReachable(settings, log);
  await migrateAlone(settings, [CreateOutbox1700000000001, CreateInbox1700000000002, ...migrations], log);
  return new DataSource({
    ...connectionOf(settings),
    poolSize: settings.DATABASE_POOL,
    extra: {
      Client: PreparingClient,
      // What is asked for meanwhile does not wait for an answer.
      pipeline: true,
      keepAlive: true,
      // A reaction that counts as failed is not left running in the database.
      statement_timeout: settings.REACTION_TIMEOUT_MS,
      // With `pipeline`, ends the connection as well.
      query_timeout: settings.REACTION_TIMEOUT_MS + ANSWER_LATE_MS,
      idle_in_transaction_session_timeout: 2 * settings.REACTION_TIMEOUT_MS,
    },
    poolErrorHandler: (error: Error) =>
      log.debug({ event: 'database_connection_lost', error: error.message }, error.message),
  }).initialize();
}

function connectionOf({ DATABASE_URL, service }: Settings) {
  return { type: 'postgres', url: DATABASE_URL, applicationName: service, connectTimeoutMS: CONNECT_MS } as const;
}

async function untilReachable({ DATABASE_URL, service }: Settings, log: Log): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const client = new Client({ connectionString: DATABASE_URL, connectionTimeoutMillis: CONNECT_MS });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return;
    } catch (error) {
      const delay = Math.min(LONGEST_PAUSE_MS, 200 * 2 ** attempt);
      const host = new URL(DATABASE_URL).host;
      log.warn(
        { event: 'waiting_for_database', error: (error as Error).message },
        `${service} waits for its database at ${host}: ${(error as Error).message || (error as { code?: string }).code}`,
      );
      await pause(delay);
    }
  }
}

/** However long it takes: a statement over a grown table is no reaction that hangs. The connection that migrates holds the lock, so both end together. */
async function migrateAlone(settings: Settings, migrations: Migration[], log: Log): Promise<void> {
  const database = await new DataSource({
    ...connectionOf(settings),
    migrations,
    migrationsTransactionMode: 'each',
    poolSize: 1,
    extra: { keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS },
  }).initialize();
  try {
    await untilLocked(database, settings, log);
    await database.runMigrations();
  } finally {
    await database.destroy();
  }
}

/** Asks again and again: a statement that waits for the lock would hold a snapshot, and `create index concurrently` of whoever migrates waits for those. */
async function untilLocked(database: DataSource, { service }: Settings, log: Log): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const [row] = await database.query<{ locked: boolean }[]>('select pg_try_advisory_lock($1) as locked', [LOCK]);
    if (row?.locked) return;
    if (attempt === 0)
      log.info({ event: 'waiting_for_migration' }, `${service} waits: another replica migrates its database`);
    await pause(LOCK_POLL_MS);
  }
}
