import type { MigrationInterface, QueryRunner } from 'typeorm';

export class FindCancelledOrders1700000000402 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // An index that looks at the status has every change of it written to all indexes of the table; the reason changes at a cancellation alone.
    // Whoever drops an index lets nobody read the table until the commit: last, not while another is built.
    await runner.query('create index orders_cancelled on orders (id) where reason is not null');
    await runner.query('drop index orders_by_status');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('create index orders_by_status on orders (status, id)');
    await runner.query('drop index orders_cancelled');
  }
}
