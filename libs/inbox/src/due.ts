import { v7 as uuidv7 } from 'uuid';
import type { DataSource, EntityManager } from 'typeorm';
import { encode, type CommandType, type Envelope, type Headers, type Stated } from '#libs/contracts';
import { carrierOf } from '#libs/messaging';

/** Work that is due later: a command, an event to be tried again, or one that waits behind such an event. */
export interface NewWork {
  readonly kind: 'event' | 'command';
  readonly type: string;
  readonly key: string;
  readonly headers: Headers;
  readonly body: Buffer;
  /** Tries so far. */
  readonly attempts: number;
  /** From now, milliseconds. */
  readonly delayMs: number;
  readonly error?: string;
}

export interface DueWork extends Pick<NewWork, 'kind' | 'type' | 'key' | 'headers' | 'body'> {
  readonly rowId: string;
  /** This try included. */
  readonly attempts: number;
  readonly firstError?: string;
}

interface Raw {
  id: string;
  kind: 'event' | 'command';
  type: string;
  key: string;
  headers: string;
  body: Buffer;
  attempts: number;
  first_error: string | null;
}

/** Serialises commands under the trace context that is active now. */
export function prepareCommands(commands: readonly Stated<CommandType>[], cause: Envelope, service: string): NewWork[] {
  return commands.map(({ of, data }) => {
    const key = of.keyOf(data);
    const { headers, body } = encode({
      id: uuidv7(),
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

/** The table of due work. A lease, renewed while work runs, keeps it to one worker; when its holder dies, it runs out. */
export class DueTable {
  async add(tx: EntityManager, work: readonly NewWork[]): Promise<void> {
    if (work.length === 0) return;
    await tx.query(
      `insert into due (lane, kind, type, key, headers, body, attempts, due_at, first_error, last_error)
       select kind || ':' || key, kind, type, key, headers, body, attempts, now() + delay * interval '1 ms', error, error
       from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::int[], $7::float8[], $8::text[])
         as w(kind, type, key, headers, body, attempts, delay, error)`,
      [
        work.map((one) => one.kind),
        work.map((one) => one.type),
        work.map((one) => one.key),
        work.map((one) => JSON.stringify(one.headers)),
        work.map((one) => one.body),
        work.map((one) => one.attempts),
        work.map((one) => one.delayMs),
        work.map((one) => one.error ?? null),
      ],
    );
  }

  /** Keys of which an event waits: later ones have to queue behind it. */
  async waitingKeys(tx: EntityManager, keys: readonly string[]): Promise<Set<string>> {
    const rows: { key: string }[] = await tx.query('select distinct key from due where lane = any($1::text[])', [
      keys.map((key) => `event:${key}`),
    ]);
    return new Set(rows.map((row) => row.key));
  }

  /** Leases the oldest due work, at most one of a lane and none ahead of its lane's first; counts the attempt. */
  async lease(database: DataSource, holder: string, max: number, leaseMs: number): Promise<DueWork[]> {
    const [rows]: [Raw[], number] = await database.query(
      `update due set leased_by = $1, leased_until = now() + $3 * interval '1 ms', attempts = attempts + 1
       where id in (
         select id from due d
         where due_at <= now() and (leased_until is null or leased_until < now())
           and not exists (select from due ahead where ahead.lane = d.lane and ahead.id < d.id)
         order by due_at limit $2 for update skip locked)
       returning id, kind, type, key, headers, body, attempts, first_error`,
      [holder, max, leaseMs],
    );
    return rows.map(({ id, first_error, headers, ...same }) => ({
      ...same,
      rowId: id,
      headers: JSON.parse(headers) as Headers,
      ...(first_error === null ? {} : { firstError: first_error }),
    }));
  }

  async renew(database: DataSource, holder: string, rowIds: readonly string[], leaseMs: number): Promise<void> {
    await database.query(
      `update due set leased_until = now() + $3 * interval '1 ms' where id = any($1::bigint[]) and leased_by = $2`,
      [rowIds, holder, leaseMs],
    );
  }

  /** Takes the work off, in the transaction of its effect. False when the lease had run out and another worker has it. */
  async finish(tx: EntityManager, holder: string, rowId: string): Promise<boolean> {
    const [, count]: [unknown, number] = await tx.query('delete from due where id = $1 and leased_by = $2', [
      rowId,
      holder,
    ]);
    return count === 1;
  }

  /** Ends the lease after a failed attempt. */
  async postpone(database: DataSource, holder: string, rowId: string, delayMs: number, error: string): Promise<void> {
    await database.query(
      `update due set leased_by = null, leased_until = null, due_at = now() + $3 * interval '1 ms',
         first_error = coalesce(first_error, $4), last_error = $4
       where id = $1 and leased_by = $2`,
      [rowId, holder, delayMs, error],
    );
  }

  /** Ends the lease without counting the attempt. */
  async handBack(database: DataSource, holder: string, rowId: string, delayMs: number): Promise<void> {
    await database.query(
      `update due set leased_by = null, leased_until = null, attempts = attempts - 1, due_at = now() + $3 * interval '1 ms'
       where id = $1 and leased_by = $2`,
      [rowId, holder, delayMs],
    );
  }

  /** Milliseconds until something can be leased; undefined when nothing waits. */
  async nextInMs(database: DataSource): Promise<number | undefined> {
    const [row]: { ms: number | null }[] = await database.query(
      `select extract(epoch from min(greatest(due_at, coalesce(leased_until, due_at))) - now())::float8 * 1000 as ms from due`,
    );
    return row?.ms ?? undefined;
  }
}
