import type { MigrationInterface, QueryRunner } from 'typeorm';

export class FindCancelledOrders1700000000402 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // An index that looks at the status has every change of it written to all indexes of the table; the reason changes at a cancellation alone.
    await runner.query('create index orders_cancelled on orders (id) where reason is not null');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index orders_cancelled');
  }
}
