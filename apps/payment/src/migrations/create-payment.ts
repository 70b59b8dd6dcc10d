import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreatePayment1700000000100 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table payment (
        order_id uuid primary key,
        amount_cents bigint,
        token text,
        stock_reserved boolean not null default false,
        undeliverable boolean not null default false,
        charge_asked boolean not null default false,
        charge_id text,
        decline_code text,
        refund_asked boolean not null default false,
        refund_id text,
        check (charge_id is null or decline_code is null),
        check (refund_id is null or charge_id is not null)
      ) with (fillfactor = 70)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table payment');
  }
}
