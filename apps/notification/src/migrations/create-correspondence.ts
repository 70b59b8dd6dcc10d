import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateCorrespondence1700000000300 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table correspondence (
        order_id uuid primary key,
        customer jsonb,
        shipment jsonb,
        asked text[] not null default '{}'
      ) with (fillfactor = 70)`);
    await runner.query(`
      create table letter (
        order_id uuid not null,
        kind text not null,
        command_id uuid not null,
        message_id text not null,
        sent_at timestamptz not null default now(),
        primary key (order_id, kind)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table letter');
    await runner.query('drop table correspondence');
  }
}
