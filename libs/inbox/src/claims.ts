import type { DataSource, EntityManager } from 'typeorm';
import { FINISH, laneOfEvents } from './due.js';

const DAY_MS = 86_400_000;
/** Days of partitions kept ready ahead, so that a sender's fast clock does no harm. */
const AHEAD_DAYS = 2;
/** Any number, the same in each replica. */
const LOCK = 7_205_002;

interface Claimable {
  readonly id: string;
  readonly type: string;
  readonly causationId?: string;
}

/** Due work that was run. */
interface Done extends Claimable {
  readonly rowId: string;
  readonly attempts: number;
}

const CLAIM = `insert into inbox (message_id, type, causation_id, ordinal)
  select * from unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[])
  on conflict do nothing returning message_id`;

/** One message in one service. */
export interface Handling {
  readonly id: string;
  readonly type: string;
  readonly causationId: string | null;
  readonly attempts: number;
  readonly duplicates: number;
  readonly handledAt: Date;
}

/** Which message ids this service has handled: claimed in the transaction of the reaction, or not at all. */
export class Claims {
  private oldest: number | undefined;

  constructor(private readonly retentionDays: number) {}

  /** Creates the partitions of the days to come and drops those past retention. To be called at start and then daily at least. */
  async keepPartitions(database: DataSource, now = Date.now()): Promise<void> {
    const first = startOfDay(now) - this.retentionDays * DAY_MS;
    const wanted = Array.from({ length: this.retentionDays + AHEAD_DAYS + 1 }, (_, day) => first + day * DAY_MS);
    await database.transaction(async (tx) => {
      await tx.query('select pg_advisory_xact_lock($1)', [LOCK]);
      const rows: { name: string }[] = await tx.query(
        `select relname as name from pg_inherits join pg_class on oid = inhrelid where inhparent = 'inbox'::regclass`,
      );
      const existing = new Set(rows.map((row) => row.name));
      for (const day of wanted) {
        if (existing.delete(partitionOf(day))) continue;
        const range = `from ('${lowestId(day)}') to ('${lowestId(day + DAY_MS)}')`;
        await tx.query(`create table ${partitionOf(day)} partition of inbox for values ${range}`);
      }
      for (const past of existing) if (past < partitionOf(first)) await tx.query(`drop table ${past}`);
    });
    this.oldest = first;
  }

  /** Whether an id is of a time that claims are kept for; what came before cannot be told from a duplicate. @throws while nothing ever called `keepPartitions` */
  covers(messageId: string): boolean {
    if (this.oldest === undefined)
      throw new Error('call keepPartitions() first: there is no partition for a claim yet');
    const at = timeOf(messageId);
    return at >= this.oldest && at < this.oldest + (this.retentionDays + AHEAD_DAYS) * DAY_MS;
  }

  /**
   * Claims ids, in the order in which they will be handled, and returns those that nobody had. Waits for a transaction that holds one of them, so a replica that lost its lane
   * in the middle of a reaction is let finish, or roll back, first.
   */
  async claim(tx: EntityManager, messages: readonly Claimable[]): Promise<ReadonlySet<string>> {
    const rows: { message_id: string }[] = await tx.query(CLAIM, claimValues(messages));
    return new Set(rows.map((row) => row.message_id));
  }

  /**
   * Claims as `claim` does, and looks in the same statement of which keys an event waits. What became of messages that it had to wait for
   * it does not see: where it claimed fewer than asked, `waiting` is to be looked up anew.
   */
  async claimAndLook(tx: EntityManager, messages: readonly (Claimable & { readonly key: string })[]) {
    const lanes = [...new Set(messages.map(({ key }) => laneOfEvents(key)))];
    const rows: { message_id: string | null; waiting: string | null }[] = await tx.query(
      `with claimed as (${CLAIM})
       select message_id, null as waiting from claimed union all select null, key from due where lane = any($5::text[])`,
      [...claimValues(messages), lanes],
    );
    return {
      claimed: new Set(rows.flatMap(({ message_id }) => message_id ?? [])) as ReadonlySet<string>,
      waiting: new Set(rows.flatMap(({ waiting }) => waiting ?? [])) as ReadonlySet<string>,
    };
  }

  /** Notes that messages came again, for whoever asks for an order's story. */
  async noteDuplicates(database: EntityManager, messageIds: readonly string[]): Promise<void> {
    await database.query('update inbox set duplicates = duplicates + 1 where message_id = any($1::uuid[])', [
      messageIds,
    ]);
  }

  /**
   * Takes due work off as `DueTable.finish` does, and notes in the same statement the attempts that succeeded, of the rows that the holder had. A command has its claim from
   * here only, and one so old that nothing is kept of its time has none.
   */
  async finishAndNote(tx: EntityManager, holder: string, done: readonly Done[]): Promise<ReadonlySet<string>> {
    const noted = done.filter(({ id }) => this.covers(id));
    const rows: { id: string }[] = await tx.query(
      `with held as (${FINISH}), noted as (
         insert into inbox (message_id, type, causation_id, attempts)
         select message_id, type, causation_id, attempts
         from unnest($3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::smallint[]) as w(row_id, message_id, type, causation_id, attempts)
         join held on held.id = row_id order by message_id
         on conflict (message_id) do update set attempts = excluded.attempts, handled_at = excluded.handled_at, ordinal = null)
       select id from held`,
      [
        done.map(({ rowId }) => rowId),
        holder,
        noted.map(({ rowId }) => rowId),
        noted.map(({ id }) => id),
        noted.map(({ type }) => type),
        noted.map(({ causationId }) => causationId ?? null),
        noted.map(({ attempts }) => attempts),
      ],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** What became of messages in this service, those that it has seen. */
  async story(database: EntityManager, messageIds: readonly string[]): Promise<readonly Handling[]> {
    return database.query(
      `select message_id as "id", type, causation_id as "causationId", attempts, duplicates, handled_at as "handledAt"
       from inbox where message_id = any($1::uuid[])`,
      [messageIds],
    );
  }
}

function claimValues(messages: readonly Claimable[]) {
  // By id, so that two transactions never wait for each other.
  const sorted = messages
    .map((message, ordinal) => ({ ...message, ordinal }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return [
    sorted.map(({ id }) => id),
    sorted.map(({ type }) => type),
    sorted.map(({ causationId }) => causationId ?? null),
    sorted.map(({ ordinal }) => ordinal),
  ];
}

function startOfDay(time: number): number {
  return time - (time % DAY_MS);
}

function partitionOf(day: number): string {
  return `inbox_${new Date(day).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

function lowestId(time: number): string {
  const hex = time.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

/** Milliseconds since 1970 in a UUIDv7 (RFC 9562, section 5.7). */
export function timeOf(uuidv7: string): number {
  return Number.parseInt(uuidv7.slice(0, 8) + uuidv7.slice(9, 13), 16);
}
