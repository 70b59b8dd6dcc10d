import { DataSource } from 'typeorm';
import { CreateOutbox1700000000001 } from '#libs/outbox';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { CreateInbox1700000000002 } from '../src/create-inbox.js';

/** With the tables of outbox and inbox. */
export async function migratedDatabase(url: string): Promise<DataSource> {
  const database = await new DataSource({
    type: 'postgres',
    url,
    poolErrorHandler: () => undefined,
    migrations: [CreateOutbox1700000000001, CreateInbox1700000000002],
  }).initialize();
  await database.runMigrations();
  return database;
}

/** The same of a spec file's own. */
export async function freshInboxDatabase(): Promise<{ readonly database: DataSource; close(): Promise<void> }> {
  const { url, drop } = await freshDatabase();
  const database = await migratedDatabase(url);
  return {
    database,
    async close() {
      await database.destroy();
      await drop();
    },
  };
}
