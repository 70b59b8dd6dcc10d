import { GroupExists, type Delivery, type Source, type Subscription } from '#libs/messaging';
import { kindOf, read } from './log.js';
import type { Session } from './session.js';

type Open = () => Promise<Session>;

/** What was stored from a time on, up to the last position of when reading began. */
export async function* history(
  open: Open,
  sources: readonly Source[],
  from: Date,
  maxBatch: number,
): AsyncGenerator<readonly Delivery[]> {
  const session = await open();
  try {
    const kinds = sources.map(kindOf);
    const last = await lastPosition(session);
    let at = await positionBefore(session, from);
    while (at < last) {
      const { found, readTo } = await read(session, at, kinds, maxBatch);
      // Nothing is left of what there was.
      if (readTo <= at) return;
      const batch = found.filter(({ position }) => position <= last);
      if (batch.length > 0) yield batch;
      at = readTo;
    }
  } finally {
    await session.end();
  }
}

/**
 * A cursor of its own, that stands before what was stored from a time on. Created last: a rejection leaves none, unless only the answer to that was lost.
 * @throws GroupExists
 */
export async function createGroup(open: Open, { service, sources }: Subscription, from: Date): Promise<number> {
  const session = await open();
  try {
    const before = await positionBefore(session, from);
    const messages = await countBehind(session, sources, before);
    const created = await session.query(
      'insert into cursor (service, position) values ($1, $2) on conflict do nothing returning 1',
      [service, before],
    );
    if (created.length === 0) throw new GroupExists(service);
    return messages;
  } finally {
    await session.end();
  }
}

/** In spans, since no statement may take long. */
async function countBehind(session: Session, sources: readonly Source[], position: number): Promise<number> {
  const span = 50_000;
  const last = await lastPosition(session);
  let messages = 0;
  for (let at = await firstPosition(session, position); at <= last; at += span) {
    const [row] = await session.query<{ n: string }>(
      `select count(*) as n from log where position >= $1 and position < $2 and topic || '/' || type = any($3::text[])`,
      [at, at + span, sources.map(kindOf)],
    );
    messages += Number(row?.n ?? 0);
  }
  return messages;
}

/** The position before the first one stored at that time or later: found by halves, since positions and times rise together. */
async function positionBefore(session: Session, time: Date): Promise<number> {
  let low = (await firstPosition(session, 0)) - 1;
  let high = await lastPosition(session);
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [next] = await session.query<{ position: string; early: boolean }>(
      'select position, stored_at < $2 as early from log where position > $1 order by position limit 1',
      [middle, time],
    );
    if (next?.early) low = Number(next.position);
    else high = middle;
  }
  return low;
}

async function firstPosition(session: Session, behind: number): Promise<number> {
  const [row] = await session.query<{ first: string | null }>(
    'select min(position) as first from log where position > $1',
    [behind],
  );
  return Number(row?.first ?? behind + 1);
}

async function lastPosition(session: Session): Promise<number> {
  const [row] = await session.query<{ last: string | null }>('select max(position) as last from log');
  return Number(row?.last ?? 0);
}
