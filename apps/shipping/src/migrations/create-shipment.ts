import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateShipment1700000000200 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table shipment (
        order_id uuid primary key,
        address jsonb,
        paid boolean not null default false,
        rejected boolean not null default false,
        shipment_id uuid unique,
        carrier text,
        tracking_number text,
        check (not (rejected and shipment_id is not null))
      ) with (fillfactor = 70)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table shipment');
  }
}
