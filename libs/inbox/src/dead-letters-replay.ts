import type { DataSource, EntityManager } from 'typeorm';
import type { Envelope, Headers } from '#libs/contracts';
import type { Handlers } from '#libs/messaging';
import type { Claims } from './claims.js';
import { fingerprintOf } from './dead-letters-fingerprint.js';
import { textOf } from './dead-letters.js';
import { FILTERED, filterValues, type LetterFilter } from './dead-letters-view.js';
import { read, Unreadable } from './read.js';

/** Any number, the same in each replica: one selection is made at a time. */
const LOCK = 7_205_004;
/** Letters handed over and not settled yet, at most: what fails in numbers is not heaped up. */
const MOST_UNDER_WAY = 500;

export type ReplayState = 'running' | 'done' | 'stopped' | 'stopped_by_canary';

export interface ReplayRequest {
  readonly ratePerSecond: number;
  /** The rest is handed over only once the first was handled. */
  readonly canary: boolean;
  readonly by: string;
}

export interface ReplayProgress {
  readonly id: string;
  readonly state: ReplayState;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  /** Handed over, neither handled nor failed yet. */
  readonly underWay: number;
  readonly ratePerSecond: number;
  readonly filter: unknown;
  readonly by: string;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** Types of letters, by what became of them. */
interface Became {
  readonly replayed: string[];
  readonly failed: string[];
}

/** What became of letters since the last look. */
export interface Advanced {
  readonly handedOver: number;
  readonly replayed: readonly string[];
  readonly failed: readonly string[];
  readonly ended?: ReplayState;
}

/** Some of the letters are in a replay that runs. */
export class ReplayRunning extends Error {
  override readonly name = 'ReplayRunning';
  constructor(readonly replayId: string) {
    super(`replay ${replayId} is running with letters of this selection; wait for its end, or stop it`);
  }
}

export class NothingToReplay extends Error {
  override readonly name = 'NothingToReplay';
  constructor() {
    super('no open dead letter matches');
  }
}

export interface ReplayParts {
  readonly database: DataSource;
  readonly claims: Claims;
  readonly handlers: Handlers;
}

interface Job {
  readonly id: string;
  readonly rate: number;
  readonly proven: boolean;
  /** Seconds since the pace was last paid for. */
  readonly idle: number;
}

interface Selected {
  readonly id: string;
  readonly kind: 'event' | 'command';
  readonly type: string | null;
  readonly headers: string;
  readonly body: Buffer;
  readonly claimed: boolean;
}

/** Of a replay, and not counted as done or failed yet: one may have failed again while a step was being taken, and is open then. */
const UNSETTLED = `replay_id = $1 and state in ('replaying', 'open')`;

/**
 * Replays of frozen selections, kept in tables: any replica takes the next step of one, none two at once. A letter that is handed over
 * becomes due work of this service with the message's claim, so it is handled like any other, and once.
 */
export class DeadLetterReplays {
  constructor(private readonly parts: ReplayParts) {}

  /** Freezes what is open of the selection. @throws ReplayRunning, NothingToReplay; nothing has begun then */
  create(filter: LetterFilter, request: ReplayRequest): Promise<ReplayProgress> {
    return this.parts.database.transaction((tx) => this.createIn(tx, filter, request));
  }

  /** As `create`, in a transaction that changes the letters as well. */
  async createIn(tx: EntityManager, filter: LetterFilter, request: ReplayRequest): Promise<ReplayProgress> {
    const values = filterValues(filter);
    await tx.query('select pg_advisory_xact_lock($1)', [LOCK]);
    const [busy]: { replay_id: string }[] = await tx.query(
      `select replay_id from dead_letter where ${FILTERED} and state in ('open', 'replaying')
         and replay_id in (select id from dead_letter_replay where state = 'running') limit 1`,
      values,
    );
    if (busy) throw new ReplayRunning(busy.replay_id);
    const [{ id }]: [{ id: string }] = await tx.query(
      `insert into dead_letter_replay (filter, by_whom, rate_per_second, proven) values ($1, $2, $3, $4) returning id`,
      [JSON.stringify(filter), request.by, request.ratePerSecond, !request.canary],
    );
    const [, total]: [unknown, number] = await tx.query(
      `update dead_letter set state = 'replaying', replay_id = $7 where ${FILTERED} and state = 'open'`,
      [...values, id],
    );
    if (total === 0) throw new NothingToReplay();
    await tx.query('update dead_letter_replay set total = $2 where id = $1', [id, total]);
    await tx.query(
      `insert into dead_letter_audit (letter_id, action, by_whom, replay_id)
       select id, 'replay', $2, $1 from dead_letter where replay_id = $1`,
      [id, request.by],
    );
    return (await progressOf(tx, id))!;
  }

  progress(id: string): Promise<ReplayProgress | undefined> {
    return progressOf(this.parts.database.manager, id);
  }

  /** Hands over no more of it; what is under way ends. False when it does not run. */
  async stop(id: string): Promise<boolean> {
    return this.parts.database.transaction(async (tx) => {
      const [job] = await tx.query<object[]>(
        `select from dead_letter_replay where id = $1 and state = 'running' for update`,
        [id],
      );
      if (job) await release(tx, id);
      return job !== undefined;
    });
  }

  async running(): Promise<readonly string[]> {
    const rows: { id: string }[] = await this.parts.database.query(
      `select id from dead_letter_replay where state = 'running' order by id`,
    );
    return rows.map(({ id }) => id);
  }

  /** Takes one step: notes what became of letters, hands over as many more as the rate allows. Undefined where another replica is at it. */
  async advance(id: string): Promise<Advanced | undefined> {
    return this.parts.database.transaction(async (tx) => {
      const [job]: Job[] = await tx.query(
        `select id, rate_per_second as rate, proven,
           extract(epoch from clock_timestamp() - paced_at)::float8 as idle
         from dead_letter_replay where id = $1 and state = 'running' for update skip locked`,
        [id],
      );
      if (!job) return undefined;
      const became = await settle(tx, id);
      const { replayed, failed } = became;
      const proven = job.proven || replayed.length > 0;
      const handedOver = proven || failed.length === 0 ? await this.handOver(tx, job, proven, became) : 0;
      await tx.query(
        'update dead_letter_replay set proven = $2, done = done + $3, failed = failed + $4 where id = $1',
        [id, proven, replayed.length, failed.length],
      );
      const ended = await this.endOf(tx, id, !proven && failed.length > 0);
      return { ...became, handedOver, ...(ended ? { ended } : {}) };
    });
  }

  /** Returns how many are due work now. What ends at once, known or unreadable, it adds to what became of the others. */
  private async handOver(tx: EntityManager, job: Job, proven: boolean, became: Became): Promise<number> {
    const [{ under_way }]: [{ under_way: number }] = await tx.query(
      `select count(*)::int as under_way from dead_letter where ${UNSETTLED} and (state = 'open' or due_id is not null)`,
      [job.id],
    );
    const room = proven ? MOST_UNDER_WAY - under_way : 1 - under_way;
    // Letters. After a pause there is no rush to make up for it.
    const earned = Math.min(job.idle * job.rate, Math.max(1, job.rate));
    const count = Math.min(room, proven ? Math.floor(earned) : 1);
    if (count <= 0) return 0;
    const letters: Selected[] = await tx.query(
      `select id, kind, type, headers, body, claimed from dead_letter
       where replay_id = $1 and state = 'replaying' and due_id is null order by created_at, id limit $2 for update`,
      [job.id, count],
    );
    let handedOver = 0;
    for (const letter of letters) {
      const end = await this.handOverOne(tx, letter);
      if (end) became[end].push(letter.type ?? '');
      else handedOver++;
    }
    const left = Math.max(0, earned - letters.length) / job.rate;
    await tx.query(`update dead_letter_replay set paced_at = paced_at + $2 * interval '1 second' where id = $1`, [
      job.id,
      job.idle - left,
    ]);
    return handedOver;
  }

  private async handOverOne(tx: EntityManager, letter: Selected): Promise<keyof Became | undefined> {
    const { kind, body } = letter;
    try {
      const { envelope } = read(kind, { headers: JSON.parse(letter.headers) as Headers, body }, this.parts.handlers);
      if (!letter.claimed && !(await this.claim(tx, envelope))) {
        await close(tx, letter.id, 'the inbox knew this message: it had been handled, or waits as due work');
        return 'replayed';
      }
      await tx.query(
        `with handed as (
           insert into due (lane, kind, type, key, headers, body)
           select $2::text || ':' || $4::text, $2, $3, $4, headers, body from dead_letter where id = $1 returning id)
         update dead_letter set claimed = true, due_id = handed.id from handed where dead_letter.id = $1`,
        [letter.id, kind, envelope.type, envelope.key],
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const { reason, message } = error;
      const fingerprint = fingerprintOf({ reason, type: letter.type ?? '', error: { message } });
      await tx.query(
        `update dead_letter set state = 'open', replay_id = null, reason = $2, fingerprint = $3, last_error = $4, last_stack = null
         where id = $1`,
        [letter.id, reason, fingerprint, textOf(message)],
      );
      return 'failed';
    }
  }

  /** @throws Unreadable when it is too old to be claimed */
  private async claim(tx: EntityManager, envelope: Envelope): Promise<boolean> {
    if (!this.parts.claims.covers(envelope.id)) {
      throw new Unreadable(
        'too_old',
        `the id ${envelope.id} is of a time that claims are not kept for: nobody can tell whether it was handled`,
      );
    }
    return (await this.parts.claims.claim(tx, [envelope])).size === 1;
  }

  private async endOf(tx: EntityManager, id: string, canaryFailed: boolean): Promise<ReplayState | undefined> {
    if (canaryFailed) await release(tx, id);
    const [{ state }]: [{ state: ReplayState }] = await tx.query(
      `select case
         when exists (select from dead_letter where ${UNSETTLED}) then 'running'
         when $2 then 'stopped_by_canary' when done + failed < total then 'stopped' else 'done' end as state
       from dead_letter_replay where id = $1`,
      [id, canaryFailed],
    );
    if (state === 'running') return undefined;
    await tx.query('update dead_letter_replay set state = $2, ended_at = now() where id = $1', [id, state]);
    return state;
  }
}

/** A letter whose due work is gone was handled, or else it would be open again since the same transaction. */
async function settle(tx: EntityManager, id: string): Promise<Became> {
  const [replayed]: [{ type: string | null }[], number] = await tx.query(
    `update dead_letter set state = 'replayed', due_id = null, closed_at = now()
     where replay_id = $1 and state = 'replaying' and due_id is not null
       and not exists (select from due where due.id = due_id)
     returning type`,
    [id],
  );
  const [failed]: [{ type: string | null }[], number] = await tx.query(
    `update dead_letter set replay_id = null where replay_id = $1 and state = 'open' returning type`,
    [id],
  );
  return { replayed: replayed.map(({ type }) => type ?? ''), failed: failed.map(({ type }) => type ?? '') };
}

/** What was not handed over is open again. */
async function release(tx: EntityManager, id: string): Promise<void> {
  await tx.query(
    `update dead_letter set state = 'open', replay_id = null
     where replay_id = $1 and state = 'replaying' and due_id is null`,
    [id],
  );
}

async function close(tx: EntityManager, letterId: string, why: string): Promise<void> {
  await tx.query(`update dead_letter set state = 'replayed', closed_at = now() where id = $1`, [letterId]);
  await tx.query(
    `update dead_letter_audit set reason = $2
     where id = (select max(id) from dead_letter_audit where letter_id = $1 and action = 'replay')`,
    [letterId, why],
  );
}

async function progressOf(tx: EntityManager, id: string): Promise<ReplayProgress | undefined> {
  const [row]: ReplayProgress[] = await tx.query(
    `select id, state, total, done, failed, rate_per_second as "ratePerSecond", filter, by_whom as by,
       created_at as "createdAt", ended_at as "endedAt",
       (select count(*)::int from dead_letter
        where replay_id = job.id and state = 'replaying' and due_id is not null) as "underWay"
     from dead_letter_replay job where id = $1`,
    [id],
  );
  return row;
}
