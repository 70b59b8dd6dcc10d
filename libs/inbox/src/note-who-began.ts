import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who began due work and never said how it ended; `attempts` then holds the failures alone. */
export class NoteWhoBegan1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`alter table due add column begun_by uuid[] not null default '{}'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table due drop column begun_by');
  }
}
