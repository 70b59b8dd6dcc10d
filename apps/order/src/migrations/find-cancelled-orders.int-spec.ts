import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, type FreshDatabase } from '../../../../tools/postgres/testing.js';
import { CreateOrders1700000000400 } from './create-orders.js';
import { FindCancelledOrders1700000000402 } from './find-cancelled-orders.js';

const GATE = 1;

describe('the migration that finds cancelled orders', () => {
  let fresh: FreshDatabase;
  let migrating: DataSource;
  let serving: DataSource;

  beforeAll(async () => {
    fresh = await freshDatabase();
    const connection = { type: 'postgres', url: fresh.url, poolSize: 1 } as const;
    serving = await new DataSource({ ...connection, extra: { lock_timeout: 500 } }).initialize();
    const migrations = [CreateOrders1700000000400, FindCancelledOrders1700000000402];
    migrating = await new DataSource({ ...connection, migrations, migrationsTransactionMode: 'each' }).initialize();
    await migrating.runMigrations();
    await serving.query(`create function wait_at_gate() returns event_trigger language plpgsql
      as $$ begin perform pg_advisory_xact_lock(${GATE}); end $$`);
    await serving.query(`create event trigger slow_index on ddl_command_end when tag in ('CREATE INDEX')
      execute function wait_at_gate()`);
  });
  afterAll(async () => {
    await migrating?.destroy();
    await serving?.destroy();
    await fresh?.drop();
  });

  it.each([
    ['undone', () => migrating.undoLastMigration()],
    ['done', () => migrating.runMigrations()],
  ])('lets orders be read while an index is built, when it is %s', async (_, migrate) => {
    await serving.query('select pg_advisory_lock($1)', [GATE]);
    const migrated = migrate();
    const atGate = () => serving.query(`select from pg_locks where locktype = 'advisory' and not granted`);
    await expect.poll(atGate).toHaveLength(1);
    const read = serving.query('select from orders');
    await read.catch(() => undefined);
    await serving.query('select pg_advisory_unlock($1)', [GATE]);
    await migrated;
    expect(await read).toEqual([]);
  });
});
