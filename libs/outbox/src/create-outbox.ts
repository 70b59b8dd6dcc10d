import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Only the primary key is indexed: rows live for milliseconds and are read in its order. */
export class CreateOutbox1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table outbox (
        id bigint generated always as identity primary key,
        message_id uuid not null,
        topic text not null,
        type text not null,
        key text not null,
        headers text not null,
        body bytea not null,
        created_at timestamptz not null default now()
      ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table outbox');
  }
}
