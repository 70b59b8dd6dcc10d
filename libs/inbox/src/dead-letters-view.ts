import type { EntityManager } from 'typeorm';
import type { Headers } from '#libs/contracts';
import type { DeadLetterReason } from './dead-letters.js';

export type DeadLetterState = 'open' | 'replaying' | 'replayed' | 'discarded';

/** Which letters are meant; what is absent does not matter. */
export interface LetterFilter {
  readonly type?: string | undefined;
  readonly key?: string | undefined;
  /** The fingerprint of its error. */
  readonly group?: string | undefined;
  /** First set aside from then on. */
  readonly from?: Date | undefined;
  /** First set aside before. */
  readonly to?: Date | undefined;
  readonly ids?: readonly string[] | undefined;
}

export interface LetterLine {
  readonly id: string;
  readonly state: DeadLetterState;
  readonly kind: 'event' | 'command';
  readonly type: string | null;
  readonly key: string | null;
  readonly messageId: string | null;
  readonly reason: DeadLetterReason;
  readonly group: string;
  readonly attempts: number;
  readonly timesSeen: number;
  readonly error: string;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

export interface LetterGroup {
  readonly group: string;
  readonly count: number;
  readonly type: string | null;
  readonly reason: DeadLetterReason;
  /** Of the newest. */
  readonly error: string;
  readonly sampleId: string;
  readonly firstAt: Date;
  readonly lastAt: Date;
}

export interface LetterAudit {
  readonly action: 'replay' | 'edit' | 'discard';
  readonly at: Date;
  readonly by: string;
  readonly reason: string | null;
  readonly diff: unknown;
  readonly replayId: string | null;
}

export interface WholeLetter extends LetterLine {
  readonly origin: string | null;
  readonly replayId: string | null;
  readonly headers: Headers;
  readonly body: Buffer;
  /** As it came, where it was edited since. */
  readonly originalBody: Buffer | null;
  readonly firstError: string;
  readonly firstStack: string | null;
  readonly lastStack: string | null;
  readonly audit: readonly LetterAudit[];
}

/** The condition of a filter; its parameters are `filterValues`, the first six of the statement. */
export const FILTERED = `($1::text is null or type = $1) and ($2::text is null or key = $2)
  and ($3::text is null or fingerprint = $3) and ($4::timestamptz is null or created_at >= $4)
  and ($5::timestamptz is null or created_at < $5) and ($6::bigint[] is null or id = any($6))`;

export function filterValues({ type, key, group, from, to, ids }: LetterFilter): unknown[] {
  return [type ?? null, key ?? null, group ?? null, from ?? null, to ?? null, ids ?? null];
}

const LINE = `id, state, kind, type, key, message_id as "messageId", reason, fingerprint as "group", attempts,
  times_seen as "timesSeen", last_error as error, created_at as "firstAt", last_seen_at as "lastAt"`;

/** What was set aside, to be looked at. */
export class DeadLetterView {
  constructor(private readonly database: EntityManager) {}

  /** The newest first, those before `before` by id. */
  list(
    filter: LetterFilter,
    { state, before, limit }: { state?: DeadLetterState | undefined; before?: string | undefined; limit: number },
  ): Promise<LetterLine[]> {
    return this.database.query(
      `select ${LINE} from dead_letter
       where ${FILTERED} and ($7::text is null or state = $7) and ($8::bigint is null or id < $8)
       order by id desc limit $9`,
      [...filterValues(filter), state ?? null, before ?? null, limit],
    );
  }

  /** Open letters by what went wrong, the largest group first. */
  groups(filter: LetterFilter, limit: number): Promise<LetterGroup[]> {
    return this.database.query(
      `select fingerprint as "group", count(*)::int as count, min(type) as type, min(reason) as reason,
         (array_agg(last_error order by id desc))[1] as error, max(id) as "sampleId",
         min(created_at) as "firstAt", max(last_seen_at) as "lastAt"
       from dead_letter where ${FILTERED} and state = 'open'
       group by fingerprint order by count(*) desc, max(id) desc limit $7`,
      [...filterValues(filter), limit],
    );
  }

  async show(id: string): Promise<WholeLetter | undefined> {
    const [row]: (Omit<WholeLetter, 'headers' | 'audit'> & { headers: string })[] = await this.database.query(
      `select ${LINE}, origin, replay_id as "replayId", headers, body, original_body as "originalBody",
         first_error as "firstError", first_stack as "firstStack", last_stack as "lastStack"
       from dead_letter where id = $1`,
      [id],
    );
    if (!row) return undefined;
    const audit: LetterAudit[] = await this.database.query(
      `select action, at, by_whom as by, reason, diff, replay_id as "replayId" from dead_letter_audit
       where letter_id = $1 order by id`,
      [id],
    );
    return { ...row, headers: JSON.parse(row.headers) as Headers, audit };
  }

  /** How many are open or being replayed, by type. */
  async counts(): Promise<ReadonlyMap<string, number>> {
    const rows: { type: string | null; count: number }[] = await this.database.query(
      `select type, count(*)::int as count from dead_letter where state in ('open', 'replaying') group by type`,
    );
    return new Map(rows.map(({ type, count }) => [type ?? '', count]));
  }
}
