import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateInbox1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Partitioned by the time in the UUIDv7: forgetting a day is dropping a table. `handled_at`, and `ordinal` within a batch, tell the
    // order of handling; due work has no ordinal.
    await runner.query(`
      create table inbox (
        message_id uuid primary key,
        type text not null,
        causation_id text,
        attempts smallint not null default 1,
        duplicates smallint not null default 0,
        handled_at timestamptz not null default statement_timestamp(),
        ordinal smallint
      ) partition by range (message_id)`);
    // A lane is what keeps its order: the events of one key, or its commands. Begun by: who began it and never said how that ended.
    await runner.query(`
      create table due (
        id bigint generated always as identity primary key,
        lane text not null,
        kind text not null,
        type text not null,
        key text not null,
        headers text not null,
        body bytea not null,
        due_at timestamptz not null default now(),
        attempts int not null default 0,
        leased_until timestamptz,
        leased_by uuid,
        begun_by uuid[] not null default '{}',
        first_error text,
        last_error text,
        created_at timestamptz not null default now()
      ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)`);
    await runner.query('create index due_lane on due (lane, id)');
    await runner.query('create index due_at on due (due_at)');
    // Messages that were under way in a process that may have died of one of them.
    await runner.query(
      'create unlogged table suspect (message_id uuid primary key, attempts int not null, run uuid not null)',
    );
    await this.createDeadLetters(runner);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['dead_letter_audit', 'dead_letter_replay', 'dead_letter', 'suspect', 'due', 'inbox'])
      await runner.query(`drop table ${table}`);
  }

  private async createDeadLetters(runner: QueryRunner): Promise<void> {
    // States: open, replaying (waits for its turn while due_id is null), replayed, discarded.
    await runner.query(`
      create table dead_letter (
        id bigint generated always as identity primary key,
        digest bytea not null unique,
        kind text not null,
        message_id text,
        type text,
        key text,
        headers text not null,
        body bytea not null,
        original_body bytea,
        origin text,
        reason text not null,
        fingerprint text not null,
        attempts int not null,
        first_error text not null,
        first_stack text,
        last_error text not null,
        last_stack text,
        times_seen int not null default 1,
        claimed boolean not null,
        state text not null default 'open',
        replay_id bigint,
        due_id bigint,
        created_at timestamptz not null default now(),
        last_seen_at timestamptz not null default now(),
        closed_at timestamptz
      )`);
    await runner.query('create index dead_letter_key on dead_letter (key)');
    await runner.query(`create index dead_letter_type on dead_letter (type) where state in ('open', 'replaying')`);
    await runner.query('create index dead_letter_replay_id on dead_letter (replay_id) where replay_id is not null');
    // The diff is of whatever bytes came: jsonb would refuse NUL and halves of surrogate pairs.
    await runner.query(`
      create table dead_letter_audit (
        id bigint generated always as identity primary key,
        letter_id bigint not null,
        action text not null,
        by_whom text not null,
        reason text,
        diff json,
        replay_id bigint,
        at timestamptz not null default now()
      )`);
    await runner.query('create index dead_letter_audit_letter on dead_letter_audit (letter_id)');
    // States: running, done, stopped, stopped_by_canary. Proven: one of it was handled.
    await runner.query(`
      create table dead_letter_replay (
        id bigint generated always as identity primary key,
        state text not null default 'running',
        filter jsonb not null,
        by_whom text not null,
        rate_per_second float8 not null,
        proven boolean not null,
        total int not null default 0,
        done int not null default 0,
        failed int not null default 0,
        paced_at timestamptz not null default now(),
        created_at timestamptz not null default now(),
        ended_at timestamptz
      )`);
  }
}
