import type { MigrationInterface, QueryRunner } from 'typeorm';

/** In a transaction of its own: an index that is built keeps writers out until the commit, and a drop waits for those who have read and are about to write. */
export class DropOrdersByStatus1700000000403 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Not there where the migration before this one dropped it, too.
    await runner.query('drop index if exists orders_by_status');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('create index orders_by_status on orders (status, id)');
  }
}
