import { createHash } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { Headers } from '#libs/contracts';

/** Why a message was set aside. */
export type DeadLetterReason =
  'malformed' | 'unknown_type' | 'unknown_version' | 'too_old' | 'hopeless' | 'out_of_attempts';

export interface DeadLetter {
  readonly kind: 'event' | 'command';
  readonly type?: string;
  readonly key?: string;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly origin?: string;
  readonly reason: DeadLetterReason;
  readonly attempts: number;
  readonly firstError: string;
  readonly lastError: string;
}

/** Messages set aside with their bytes and the reason. The same bytes again are counted, not stored again. */
export class DeadLetters {
  async add(tx: EntityManager, letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) {
      await tx.query(
        `insert into dead_letter (digest, kind, type, key, headers, body, origin, reason, attempts, first_error, last_error)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (digest) do update set times_seen = dead_letter.times_seen + 1`,
        [
          digestOf(letter),
          letter.kind,
          letter.type ?? null,
          letter.key ?? null,
          JSON.stringify(letter.headers),
          letter.body,
          letter.origin ?? null,
          letter.reason,
          letter.attempts,
          letter.firstError,
          letter.lastError,
        ],
      );
    }
  }
}

function digestOf(letter: DeadLetter): Buffer {
  return createHash('sha256').update(JSON.stringify(letter.headers)).update(letter.body).digest();
}
