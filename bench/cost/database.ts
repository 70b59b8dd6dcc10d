import type { Client } from 'pg';
import { connect } from '../database.js';

/** Counters of a whole PostgreSQL since it started. */
export interface DatabaseCounters {
  /** Transactions that wrote, committed or not: each draws one id. */
  readonly writeTransactions: number;
  readonly statements: number;
  readonly walBytes: number;
  /** How often the write-ahead log was made durable. */
  readonly walSyncs: number;
  /** Events that were written to an outbox, and messages claimed by an inbox. */
  readonly stated: number;
  readonly claimed: number;
}

export interface StatementCost {
  readonly database: string;
  readonly query: string;
  readonly calls: number;
  readonly rows: number;
  /** Planning and execution, milliseconds in all. */
  readonly ms: number;
}

const COUNTERS = `
  select pg_snapshot_xmax(pg_current_snapshot())::text::float8 as "writeTransactions",
    (pg_current_wal_lsn() - '0/0')::float8 as "walBytes",
    (select wal_sync from pg_stat_wal)::float8 as "walSyncs",
    sum(calls)::float8 as statements,
    coalesce(sum(rows) filter (where query ~* '^\\s*insert into outbox'), 0)::float8 as stated,
    coalesce(sum(rows) filter (where query ~* '^\\s*(with claimed as \\()?insert into inbox|^\\s*with held as \\('), 0)::float8 as claimed
  from pg_stat_statements where query !~ '/\\* bench \\*/' /* bench */`;

const STATEMENTS = `
  select datname as database, query, calls::float8, rows::float8, total_plan_time + total_exec_time as ms
  from pg_stat_statements join pg_database on pg_database.oid = dbid where query !~ '/\\* bench \\*/' /* bench */`;

/** What PostgreSQL counts; the bench's own statements are left out. */
export class DatabaseMeter {
  private constructor(private readonly client: Client) {}

  static async start(url: string): Promise<DatabaseMeter> {
    const client = await connect(url);
    await client.query('create extension if not exists pg_stat_statements');
    return new DatabaseMeter(client);
  }

  async counters(): Promise<DatabaseCounters> {
    const { rows } = await this.client.query<DatabaseCounters>(COUNTERS);
    return rows[0]!;
  }

  /** Each statement since the last `forget`, the dearest first. */
  async statements(): Promise<StatementCost[]> {
    const { rows } = await this.client.query<StatementCost>(STATEMENTS);
    return rows.toSorted((one, other) => other.ms - one.ms);
  }

  async forget(): Promise<void> {
    await this.client.query('select pg_stat_statements_reset() /* bench */');
  }

  async stop(): Promise<void> {
    await this.client.end();
  }
}
