import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, type FreshDatabase } from '../../../../tools/postgres/testing.js';
import { CreateOrders1700000000400 } from './create-orders.js';
import { DropOrdersByStatus1700000000403 } from './drop-orders-by-status.js';
import { FindCancelledOrders1700000000402 } from './find-cancelled-orders.js';

const GATE = 1;

describe('the migrations that find cancelled orders', () => {
  let fresh: FreshDatabase;
  let migrating: DataSource;
  let serving: DataSource;

  beforeAll(async () => {
    fresh = await freshDatabase();
    const connection = { type: 'postgres', url: fresh.url } as const;
    serving = await new DataSource(connection).initialize();
    const migrations = [CreateOrders1700000000400, FindCancelledOrders1700000000402, DropOrdersByStatus1700000000403];
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

  const undo = async () => {
    await migrating.undoLastMigration();
    await migrating.undoLastMigration();
  };
  const waiting = (mode: string) => () =>
    serving.query(
      `select from pg_locks join pg_database on pg_database.oid = database
       where datname = current_database() and mode = $1 and not granted`,
      [mode],
    );

  it.each([
    ['undone', undo],
    ['done', () => migrating.runMigrations()],
  ])('let orders be read while an index is built, and changed afterwards, when they are %s', async (_, migrate) => {
    const gate = serving.createQueryRunner();
    await gate.query('select pg_advisory_lock($1)', [GATE]);
    const migrated = migrate();
    let reacted: Promise<unknown> | undefined;
    try {
      await expect.poll(waiting('ExclusiveLock')).toHaveLength(1);
      reacted = serving.transaction(async (tx) => {
        await tx.query('select from orders for update');
        await tx.query('update orders set reason = reason');
      });
      await expect.poll(waiting('RowExclusiveLock')).toHaveLength(1);
    } finally {
      await gate.query('select pg_advisory_unlock($1)', [GATE]);
      await gate.release();
      await Promise.all([migrated, reacted]);
    }
  });

  it('take for done what the first of them did by itself', async () => {
    await migrating.undoLastMigration();
    await serving.query('drop index orders_by_status');
    await migrating.runMigrations();
    expect(await migrating.showMigrations()).toBe(false);
  });
});
