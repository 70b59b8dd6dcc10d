import { createHash } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { decode, LONGEST_NAME, type Headers } from '#libs/contracts';
import { keptError } from './dead-letters-error.js';
import { fingerprintOf } from './dead-letters-fingerprint.js';

/** Why a message was set aside. `broker`: it was delivered again and again and never settled. */
export type DeadLetterReason =
  'malformed' | 'unknown_type' | 'unknown_version' | 'too_old' | 'hopeless' | 'out_of_attempts' | 'broker';

export interface DeadLetter {
  readonly kind: 'event' | 'command';
  readonly type?: string;
  readonly key?: string;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly origin?: string;
  readonly reason: DeadLetterReason;
  readonly attempts: number;
  /** As `errorText` tells it. */
  readonly firstError: string;
  readonly lastError: string;
  /** The inbox has not claimed its id: it may have been handled, or may still come and be. */
  readonly unclaimed?: boolean;
}

/** Days that letters are kept after they were replayed or discarded: they hold people's data. */
const KEPT_DAYS = 30;

const COUNTED = 'times_seen = dead_letter.times_seen + 1, last_seen_at = now()';
/** One that waits in a replay to be handed over goes on waiting. */
const OPENED = `${COUNTED}, claimed = true, attempts = excluded.attempts, reason = excluded.reason,
  fingerprint = excluded.fingerprint, last_error = excluded.last_error, last_stack = excluded.last_stack, due_id = null, closed_at = null,
  state = case when dead_letter.state = 'replaying' and dead_letter.due_id is null then 'replaying' else 'open' end`;

/**
 * Messages set aside with their bytes and the reason. The same bytes again are counted, not stored again. Where the letter holds
 * the message's claim, nothing else will handle it: one that had been closed, or was being replayed, is open again.
 */
export class DeadLetters {
  async add(tx: EntityManager, letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) {
      const [first, last] = [keptError(letter.firstError), keptError(letter.lastError)];
      const { reason, type = '' } = letter;
      await tx.query(
        `insert into dead_letter (digest, kind, message_id, type, key, headers, body, origin, reason, fingerprint, attempts,
           first_error, first_stack, last_error, last_stack, claimed)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         on conflict (digest) do update set ${letter.unclaimed ? COUNTED : OPENED}`,
        [
          digestOf(letter),
          letter.kind,
          textOf(told(letter).id),
          nameOf(letter.type || letter.headers['type']),
          nameOf(letter.key || letter.headers['partitionkey']),
          JSON.stringify(letter.headers),
          letter.body,
          textOf(letter.origin),
          reason,
          fingerprintOf({ reason, type, error: last }),
          letter.attempts,
          textOf(first.message),
          textOf(first.stack),
          textOf(last.message),
          textOf(last.stack),
          !letter.unclaimed,
        ],
      );
    }
  }

  /** Forgets letters that were closed long ago, and what was done to them. */
  async forgetClosed(database: EntityManager): Promise<void> {
    await database.query(
      `with gone as (
         delete from dead_letter where closed_at < now() - $1 * interval '1 day' returning id)
       delete from dead_letter_audit using gone where letter_id = gone.id`,
      [KEPT_DAYS],
    );
  }
}

/** The same for the same message, in whatever order a store hands out its headers. */
export function digestOf({ headers, body }: Pick<DeadLetter, 'headers' | 'body'>): Buffer {
  const sorted = Object.entries(headers).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).update(body).digest();
}

/** Which message it is, also where it cannot be read: as far as its headers tell. */
export function told({ headers, body }: Pick<DeadLetter, 'headers' | 'body'>) {
  try {
    const { id, type, causationId = null } = decode(headers, body);
    return { id, type, causationId };
  } catch {
    const { id, type = '', causationid = null } = headers;
    return { id: id?.toLowerCase(), type, causationId: causationid };
  }
}

/** A type or a key as letters are found by it; an index holds no longer one. */
function nameOf(text: string | undefined): string | null {
  return textOf(text)?.slice(0, LONGEST_NAME) ?? null;
}

/** PostgreSQL stores no NUL. */
export function textOf(text: string | undefined): string | null {
  return text?.replaceAll('\0', '') ?? null;
}
