import { randomUUIDv7 } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { encode, type CommandType, type Envelope, type Headers, type Stated } from '#libs/contracts';
import { carrierOf } from '#libs/messaging';
import { send } from '#libs/outbox';

/** Work that is due later: a command, an event to be tried again, or one that waits behind such an event. */
export interface NewWork {
  readonly kind: 'event' | 'command';
  readonly type: string;
  readonly key: string;
  readonly headers: Headers;
  readonly body: Buffer;
  /** Failures so far. */
  readonly attempts: number;
  /** From now, milliseconds. */
  readonly delayMs: number;
  readonly error?: string;
}

export interface DueWork extends Pick<NewWork, 'kind' | 'type' | 'key' | 'headers' | 'body'> {
  readonly rowId: string;
  /** Tries so far: this one, those that failed, and those that nobody knows the end of. */
  readonly attempts: number;
  /** How many workers began it and never said how that ended: most likely their processes died. */
  readonly unexplained: number;
  readonly firstError?: string;
}

/** Who wants due work. */
export interface Holder {
  readonly id: string;
  /** Whether it takes work whose earlier end is unexplained, one at a time. */
  readonly takesSuspects: boolean;
}

interface Raw {
  id: string;
  kind: 'event' | 'command';
  type: string;
  key: string;
  headers: string;
  body: Buffer;
  failures: number;
  unexplained: number;
  first_error: string | null;
}

const LEASE_MS = 10_000;
/** Leases are renewed this often, milliseconds. */
export const RENEW_MS = 3_000;

/**
 * At the head of its lane and let go of. What a holder began it either runs or has to hand back, by `release`.
 *
 * What is ahead is looked up among the rows of the lane, whatever a plan was made for: `exists` may be answered by one read of all the table, dead rows too, and `ahead.id < d.id`
 * by one of all smaller ids.
 */
const FREE = `(d.leased_until is null or d.leased_until < now()) and $1::uuid <> all(d.begun_by)
  and (d.begun_by = '{}' or $2)
  and (select true from due ahead where ahead.lane = d.lane and (ahead.lane, ahead.id) < (d.lane, d.id) limit 1) is null`;

/** What is ahead is looked up as by `FREE`. */
const ADD = `with added as materialized (
    select w.kind || ':' || w.key as lane, w.*, case when w.leasable and (
      select true from due ahead where ahead.lane = w.kind || ':' || w.key limit 1) is null then $10::uuid end as holder
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::int[], $7::float8[], $8::text[], $9::boolean[])
      as w(kind, type, key, headers, body, attempts, delay, error, leasable))
  insert into due (lane, kind, type, key, headers, body, attempts, due_at, first_error, last_error, leased_by, leased_until, begun_by)
  select lane, kind, type, key, headers, body, attempts, now() + delay * interval '1 ms', error, error, holder,
    case when holder is not null then clock_timestamp() + $11 * interval '1 ms' end, array_remove(array[holder], null)
  from added returning id, leased_by is not null as leased`;

/** Of rows by id, those of a holder. */
export const FINISH = 'delete from due where id = any($1::bigint[]) and leased_by = $2 returning id';

function addValues(work: readonly NewWork[], leasable: (one: NewWork) => boolean, holder: string | null) {
  return [
    work.map((one) => one.kind),
    work.map((one) => one.type),
    work.map((one) => one.key),
    work.map((one) => JSON.stringify(one.headers)),
    work.map((one) => one.body),
    work.map((one) => one.attempts),
    work.map((one) => one.delayMs),
    work.map((one) => one.error ?? null),
    work.map(leasable),
    holder,
    LEASE_MS,
  ];
}

/** Serialises commands under the trace context that is active now. */
export function prepareCommands(commands: readonly Stated<CommandType>[], cause: Envelope, service: string): NewWork[] {
  return commands.map(({ of, data }) => {
    const key = of.keyOf(data);
    const { headers, body } = encode({
      id: randomUUIDv7(),
      type: of.type,
      version: of.version,
      source: service,
      key,
      time: new Date().toISOString(),
      correlationId: cause.correlationId,
      causationId: cause.id,
      ...carrierOf(),
      data,
    });
    return { kind: 'command', type: of.type, key, headers, body, attempts: 0, delayMs: 0 };
  });
}

/** The lane in which the events of a key wait for each other. */
export function laneOfEvents(key: string): string {
  return `event:${key}`;
}

/** The table of due work. A lease, renewed while work runs, keeps it to one worker; when its holder dies, it runs out. */
export class DueTable {
  async add(tx: EntityManager, work: readonly NewWork[]): Promise<void> {
    if (work.length > 0)
      await tx.query(
        ADD,
        addValues(work, () => false, null),
      );
  }

  /**
   * Sends the statement that adds work and leases to a holder, at once, up to `room` rows of it that have nothing ahead of them: these are `leased`. That they are begun is
   * noted as by `lease`.
   */
  async addLeased(
    tx: EntityManager,
    work: readonly NewWork[],
    holder: string,
    room: number,
  ): Promise<{ readonly leased: Promise<DueWork[]> }> {
    const lanes = new Set<string>();
    const leasable = ({ kind, key }: NewWork) => lanes.size < room && lanes.size < lanes.add(`${kind}:${key}`).size;
    const values = addValues(work, leasable, holder);
    const sent = await send<{ id: string; leased: boolean }>(tx, ADD, values);
    const leased = sent.rows.then((rows) =>
      work.flatMap(({ kind, type, key, headers, body, attempts }, n) =>
        rows[n]!.leased
          ? [{ rowId: rows[n]!.id, kind, type, key, headers, body, attempts: attempts + 1, unexplained: 0 }]
          : [],
      ),
    );
    return { leased };
  }

  /** Keys of which an event waits: later ones have to queue behind it. */
  async waitingKeys(tx: EntityManager, keys: readonly string[]): Promise<Set<string>> {
    const rows: { key: string }[] = await tx.query('select distinct key from due where lane = any($1::text[])', [
      keys.map(laneOfEvents),
    ]);
    return new Set(rows.map((row) => row.key));
  }

  /**
   * Leases the oldest due work, at most one of a lane and none ahead of its lane's first. That it was begun is noted at once: if the
   * worker dies of it, the next one knows.
   */
  async lease(database: DataSource, { id, takesSuspects }: Holder, max: number): Promise<DueWork[]> {
    const [rows]: [Raw[], number] = await database.query(
      `with free as (
         select d.id, d.due_at, d.begun_by <> '{}' as suspect from due d
         where d.due_at <= now() and ${FREE}
         order by d.due_at limit $3 for update skip locked),
       chosen as (
         select id from free where not suspect
         union all (select id from free where suspect order by due_at limit 1))
       update due set leased_by = $1, leased_until = now() + $4 * interval '1 ms', begun_by = begun_by || $1::uuid
       where id = any(array(select id from chosen))
       returning id, kind, type, key, headers, body, attempts as failures, cardinality(begun_by) - 1 as unexplained,
         first_error`,
      [id, takesSuspects, max, LEASE_MS],
    );
    return rows.map(({ id: rowId, first_error, headers, failures, ...same }) => ({
      ...same,
      rowId,
      attempts: failures + same.unexplained + 1,
      headers: JSON.parse(headers) as Headers,
      ...(first_error === null ? {} : { firstError: first_error }),
    }));
  }

  /** Passes over what a transaction holds locked, as its end does: no other worker can lease that meanwhile. */
  async renew(database: DataSource, holder: string, rowIds: readonly string[]): Promise<void> {
    await database.query(
      `update due set leased_until = now() + $3 * interval '1 ms'
       where id = any(array(select id from due where id = any($1::bigint[]) and leased_by = $2 for update skip locked))`,
      [rowIds, holder, LEASE_MS],
    );
  }

  /** Waits for the transaction that has the first of them locked, and renews as soon as that is rolled back; passes over what another has locked by then. */
  async renewWhenFreed(database: DataSource, holder: string, rowIds: readonly string[]): Promise<void> {
    await database.query(
      `with freed as materialized (select from due where id = ($1::bigint[])[1] for key share)
       update due set leased_until = clock_timestamp() + $3 * interval '1 ms'
       where (select count(*) from freed) >= 0
         and id = any(array(select id from due where id = any($1::bigint[]) and leased_by = $2 for update skip locked))`,
      [rowIds, holder, LEASE_MS],
    );
  }

  /** Takes work off, in the transaction of its effect. Returns the rows that the holder had; the lease of the others had run out, and another worker has it. */
  async finish(tx: EntityManager, holder: string, rowIds: readonly string[]): Promise<ReadonlySet<string>> {
    const [rows]: [{ id: string }[], number] = await tx.query(FINISH, [rowIds, holder]);
    return new Set(rows.map(({ id }) => id));
  }

  /** Ends the lease after a failed attempt, which is counted. It was outlived, so nobody died of it. False when another worker has the lease. */
  async postpone(database: DataSource, holder: string, rowId: string, delayMs: number, error: string) {
    const [, count]: [unknown, number] = await database.query(
      `update due set leased_by = null, leased_until = null, begun_by = '{}', attempts = attempts + 1,
         due_at = now() + $3 * interval '1 ms', first_error = coalesce(first_error, $4), last_error = $4
       where id = $1 and leased_by = $2`,
      [rowId, holder, delayMs, error],
    );
    return count === 1;
  }

  /** Ends the lease of work that was not tried, and counts nothing. False when another worker has the lease. */
  async putOff(database: DataSource, holder: string, rowId: string, delayMs: number, reason: string) {
    const [, count]: [unknown, number] = await database.query(
      `update due set leased_by = null, leased_until = null, begun_by = '{}', last_error = $4,
         due_at = now() + $3 * interval '1 ms'
       where id = $1 and leased_by = $2`,
      [rowId, holder, delayMs, reason],
    );
    return count === 1;
  }

  /** Hands back, as if never begun, all that the holder began and does not run any more, whoever has its lease by now. */
  async release(database: DataSource, holder: string, running: readonly string[], delayMs: number): Promise<void> {
    await database.query(
      `update due set begun_by = array_remove(begun_by, $1::uuid), leased_by = nullif(leased_by, $1),
         leased_until = case when leased_by = $1 then null else leased_until end,
         due_at = case when leased_by = $1 then now() + $3 * interval '1 ms' else due_at end
       where $1 = any(begun_by) and id <> all($2::bigint[])`,
      [holder, running, delayMs],
    );
  }

  /** Milliseconds until something can be leased; undefined when nothing waits. What has been due for a second is not counted: where `lease` did not take it, it is locked. */
  async nextInMs(database: DataSource, { id, takesSuspects }: Holder): Promise<number | undefined> {
    const [row]: { ms: number }[] = await database.query(
      `select extract(epoch from d.due_at - now())::float8 * 1000 as ms from due d
       where d.due_at > now() - interval '1 s' and ${FREE} order by d.due_at limit 1`,
      [id, takesSuspects],
    );
    return row?.ms;
  }
}
