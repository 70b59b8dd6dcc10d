import type { EntityManager } from 'typeorm';
import type { Headers } from '#libs/contracts';
import type { Claims, Handling } from './claims.js';
import { told, type DeadLetterReason } from './dead-letters.js';

/** What became of one message in one service, also where it is not at its end. */
export interface Told extends Omit<Handling, 'handledAt'> {
  /** Null where it has not been handled. */
  readonly handledAt: Date | null;
  /** It waits to be tried, or to be tried again. */
  readonly waiting?: true;
  /** It was set aside, and has had no effect. */
  readonly deadLetter?: { readonly id: string; readonly reason: DeadLetterReason | 'discarded' };
}

interface Unfinished {
  readonly type: string | null;
  readonly headers: string;
  readonly body: Buffer;
  readonly attempts: number;
  readonly letter: string | null;
  readonly reason: DeadLetterReason | 'discarded' | null;
}

/** Of one key, at most. */
const MOST = 100;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What became of messages here, and of whatever waits or was set aside of the key, if one is given. */
export async function story(
  database: EntityManager,
  claims: Claims,
  { ids, key }: { readonly ids: readonly string[]; readonly key?: string | undefined },
): Promise<readonly Told[]> {
  const unfinished = new Map(key === undefined ? [] : (await unfinishedOf(database, key)).map((one) => [one.id, one]));
  const handled = await claims.story(database, [...new Set([...ids, ...unfinished.keys()])]);
  const seen = handled.map((one) => {
    const waits = unfinished.get(one.id);
    unfinished.delete(one.id);
    return waits ? { ...one, ...waits, duplicates: one.duplicates } : one;
  });
  return [...seen, ...unfinished.values()];
}

async function unfinishedOf(database: EntityManager, key: string): Promise<Told[]> {
  const rows: Unfinished[] = await database.query(
    `(select type, headers, body, attempts, null as letter, null as reason from due
      where lane in ('event:' || $1::text, 'command:' || $1::text) order by id limit $2)
     union all
     (select type, headers, body, attempts, id::text, case state when 'discarded' then state else reason end
      from dead_letter
      where key = $1 and (state in ('open', 'replaying') or state = 'discarded' and claimed) order by id limit $2)`,
    [key, MOST],
  );
  return rows.flatMap(({ headers, body, ...row }) => {
    const { id, ...message } = told({ headers: JSON.parse(headers) as Headers, body });
    // Where it cannot even be said which message it is, there is nothing to tell.
    if (!id || !UUID.test(id)) return [];
    const { attempts, letter, reason } = row;
    const end =
      letter !== null && reason !== null ? { deadLetter: { id: letter, reason } } : { waiting: true as const };
    return [{ id, ...message, attempts, duplicates: 0, handledAt: null, ...end }];
  });
}
