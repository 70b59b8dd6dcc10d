import type { MigrationInterface, QueryRunner } from 'typeorm';

export class FindUnsettledOrders1700000000401 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // By the database's clock, which the age of an order is measured by: a service's own may be off.
    await runner.query('alter table orders add column stored_at timestamptz not null default now()');
    await runner.query('create index orders_unsettled on orders (stored_at) where settled_at is null');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table orders drop column stored_at');
  }
}
