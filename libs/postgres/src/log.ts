import { createHash } from 'node:crypto';
import { escapeLiteral } from 'pg';
import type { Delivery, OutgoingMessage, Source, Subscription } from '#libs/messaging';
import type { Link } from './link.js';
import type { Session } from './session.js';

/** Told after each append of such messages. Names of channels are limited to 63 bytes, so it is a digest. */
export function channelOf(kind: string): string {
  return `farandole_${createHash('sha256').update(kind).digest('hex').slice(0, 32)}`;
}

/** Told when a replica leaves in order, with the name of its service. */
export const LEFT = 'farandole_left';

/** First key of all our advisory locks; the second is the lane of a service, or one of these. */
const LOCKS = 1_178_686_049;
const SCHEMA = -1;
const APPEND = -2;

/** A read goes over this many positions at most, so that it is quick however few of them are of interest. */
const SPAN = 10_000;
/** A service at work is seen much more often than this. */
const SEEN_FOR_MS = 3_600_000;
/** A read ends behind the delivery that takes it over this many bytes. */
const READ_BYTES = 8 * 1024 * 1024;
/** A backlog is counted up to here. */
const COUNTED = 50_000;

const CREATE = `
  create table if not exists log (
    position bigint generated always as identity primary key,
    id text not null,
    topic text not null,
    type text not null,
    key text not null,
    headers json not null,
    body bytea not null,
    stored_at timestamptz not null default clock_timestamp()
  );
  create table if not exists cursor (
    service text primary key,
    lane integer generated always as identity,
    position bigint not null,
    seen_at timestamptz not null default clock_timestamp()
  );
  do $$ begin -- Looked up first: altering a table waits for whoever reads it, even where there is nothing to alter.
    if not exists (select from pg_attribute where attrelid = 'cursor'::regclass and attname = 'seen_at') then
      alter table cursor add seen_at timestamptz not null default clock_timestamp();
    end if;
  end $$;`;

/**
 * Creates what is missing; every reader gets its cursor, before anything it reacts to could be deleted. One message of several statements, which
 * is one transaction: no replica that freezes between two of them leaves the lock held.
 */
export async function prepare(session: Session, readers: readonly Subscription[]): Promise<void> {
  const services = readers.map(({ service }) => escapeLiteral(service)).join(', ');
  await session.query(`
    select pg_advisory_xact_lock(${LOCKS}, ${SCHEMA});
    ${CREATE}
    insert into cursor (service, position) select service, 0 from unnest(array[${services}]::text[]) service on conflict do nothing`);
}

// One appender at a time: the lock is held until the commit is visible, so positions become visible in order. The row of `locked` is
// joined, thus no position is drawn before the lock is held.
const APPEND_MESSAGES = {
  name: 'append',
  text: `
    with locked as materialized (select pg_advisory_xact_lock(${LOCKS}, ${APPEND})),
    stored as (
      insert into log (id, topic, type, key, headers, body)
      select m.id, m.topic, m.type, m.key, m.headers, substring($8::bytea from m.at for m.length)
      from locked, unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::json[], $6::int[], $7::int[]) with ordinality
        as m (id, topic, type, key, headers, at, length, n)
      order by m.n
      returning 1
    )
    select pg_notify(channel, '') from (select count(*) from stored) done, unnest($9::text[]) channel`,
};

/** Stores the messages in the order given, all or none, and wakes whoever reads their kinds. */
export async function append(link: Link, messages: readonly OutgoingMessage[]): Promise<void> {
  // The bodies travel as one binary value: an array of them would be spelled out in hexadecimal.
  const bodies = messages.map(({ body }) => body);
  let at = 1;
  const starts = bodies.map(({ length }) => (at += length) - length);
  const kinds = new Set(messages.map(kindOf));
  await link.query(APPEND_MESSAGES, [
    messages.map(({ id }) => id),
    messages.map(({ topic }) => topic),
    messages.map(({ type }) => type),
    messages.map(({ key }) => key),
    messages.map(({ headers }) => JSON.stringify(headers)),
    starts,
    bodies.map(({ length }) => length),
    Buffer.concat(bodies),
    [...kinds].map(channelOf),
  ]);
}

const moving = (service: string, from: string) =>
  `update cursor set position = $1, seen_at = clock_timestamp() where service = ${service} and position = ${from} returning 1`;
const reading = (first: string, column: string) => `
    with ${first} ends as materialized (select min(position) as first, max(position) as last from log),
    span as materialized (
      select low, least(low + ${SPAN}, coalesce(last, low)) as high from (select greatest($1::bigint, first - 1) as low, last from ends) s
    )
    select ${column} high, found.* from span left join lateral (
      select * from (
        select *, sum(octet_length(body)) over (order by position) - octet_length(body) as bytes_before from (
          select position, id, topic, type, key, headers, body from log
          where position > low and position <= high and topic || '/' || type = any($2::text[])
          order by position limit $3
        ) wanted
      ) weighed
      where bytes_before < ${READ_BYTES} order by position
    ) found on true`;
const READ = { name: 'read', text: reading('', '') };
const MOVE_AND_READ = {
  name: 'move-and-read',
  text: reading(`moved as (${moving('$4', '$5')}),`, '(select count(*) from moved) as moved,'),
};
const MOVE = { name: 'move', text: moving('$2', '$3') };

interface Row {
  /** Cursors. */
  readonly moved?: string;
  readonly high: string | null;
  readonly position: string | null;
  readonly id: string;
  readonly topic: string;
  readonly type: string;
  readonly key: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
  readonly bytes_before: string;
}

export type Positioned = Delivery & { readonly position: number };

/** The cursor of a service, where it stands. */
export interface Cursor {
  readonly service: string;
  readonly position: number;
}

/** What a read found. */
export interface Found {
  readonly found: readonly Positioned[];
  /** Up to here there are no others. */
  readonly readTo: number;
  /** There may be more behind that already. */
  readonly more: boolean;
}

/** The next deliveries behind a position. Given a cursor, settles everything up to that position as `move` does, in the same statement. */
export async function read(
  session: Session,
  after: number,
  kinds: readonly string[],
  limit: number,
  cursor?: Cursor,
): Promise<Found> {
  const [statement, ends] = cursor ? [MOVE_AND_READ, [cursor.service, cursor.position]] : [READ, []];
  const rows = await session.query<Row & Record<string, unknown>>(statement, [after, kinds, limit, ...ends]);
  if (cursor && rows[0]?.moved !== '1') throw new MovedByAnother(cursor);
  const found = rows.flatMap(({ position, id, topic, type, key, headers, body }) =>
    position === null
      ? []
      : [
          {
            id,
            topic,
            type,
            key,
            headers,
            body,
            redelivered: false,
            position: Number(position),
            origin: `position ${position}`,
          },
        ],
  );
  const high = Math.max(after, Number(rows[0]?.high ?? after));
  const cutShort = found.length === limit || (found.length > 0 && isCutByBytes(rows));
  const readTo = cutShort ? (found.at(-1)?.position ?? high) : high;
  return { found, readTo, more: cutShort || high >= after + SPAN };
}

function isCutByBytes(rows: readonly Row[]): boolean {
  const last = rows.at(-1);
  return last !== undefined && Number(last.bytes_before) + last.body.length >= READ_BYTES;
}

/** Where the service goes on, and the oldest position there is. Undefined when another replica is at work. */
export async function takeLane(
  session: Session,
  service: string,
): Promise<{ readonly position: number; readonly oldest: number } | undefined> {
  const [row] = await session.query<{ taken: boolean; lane: number }>(
    `select lane, pg_try_advisory_lock(${LOCKS}, lane) as taken from cursor where service = $1`,
    [service],
  );
  if (!row?.taken) return undefined;
  // A statement of its own: what is read together with the lock may be older than the lock.
  const [cursor] = await session.query<{ position: string; oldest: string | null }>(
    `update cursor set seen_at = clock_timestamp() where service = $1
     returning position, (select min(position) from log) as oldest`,
    [service],
  );
  const position = Number(cursor?.position ?? 0);
  return { position, oldest: Number(cursor?.oldest ?? position + 1) };
}

/** Tells `purge` that the service is at work, though its cursor does not move. */
export async function stay(session: Session, service: string): Promise<void> {
  await session.query('update cursor set seen_at = clock_timestamp() where service = $1', [service]);
}

/** Frees the service for the next replica, at once. */
export async function leaveLane(session: Session, service: string): Promise<void> {
  await session.query(
    `select pg_advisory_unlock(${LOCKS}, lane), pg_notify('${LEFT}', service) from cursor where service = $1`,
    [service],
  );
}

/** Settles everything up to a position. Runs on the session that holds the lane, so it cannot succeed once the lane is lost. */
export async function move(session: Session, cursor: Cursor, to: number): Promise<void> {
  const moved = await session.query(MOVE, [to, cursor.service, cursor.position]);
  if (moved.length === 0) throw new MovedByAnother(cursor);
}

class MovedByAnother extends Error {
  override readonly name = 'MovedByAnother';
  constructor({ service }: Cursor) {
    super(`the cursor of ${service} was moved by somebody else`);
  }
}

/** Counts what each service has not settled; exact up to some ten thousand messages behind its cursor, no more than that beyond. */
export async function count(link: Link, topology: readonly Subscription[]) {
  const wanted = topology.map(({ service, sources }) => ({ service, kinds: sources.map(kindOf) }));
  const rows = await link.query<{ service: string; messages: string }>(
    `select s.service, (
       select count(*) from (select topic, type from log where position > c.position order by position limit ${COUNTED}) behind
       where topic || '/' || type = any(s.kinds)
     ) as messages
     from json_to_recordset($1::json) as s(service text, kinds text[]) join cursor c using (service)`,
    [JSON.stringify(wanted)],
  );
  return rows.map(({ service, messages }) => ({ service, messages: Number(messages) }));
}

/**
 * Deletes the oldest messages that are older than the retention and settled by every service that is in the topology or was at work within the
 * retention, or the last hour if that is longer; returns how many.
 */
export async function purge(link: Link, topology: readonly Subscription[], retentionMs: number): Promise<number> {
  const [row] = await link.query<{ deleted: string }>(
    `with oldest as (select position, stored_at from log order by position limit ${SPAN}),
     deleted as (
       delete from log where position in (
         select position from oldest where stored_at < clock_timestamp() - $2 * interval '1 millisecond'
           and position <= (select min(position) from cursor where service = any($1::text[]) or seen_at > clock_timestamp() - $3 * interval '1 millisecond')
       ) returning 1
     ) select count(*) as deleted from deleted`,
    [topology.map(({ service }) => service), retentionMs, Math.max(retentionMs, SEEN_FOR_MS)],
  );
  return Number(row?.deleted ?? 0);
}

export function kindOf({ topic, type }: Source): string {
  return `${topic}/${type}`;
}
