import { AsyncResource } from 'node:async_hooks';
import type { EntityManager } from 'typeorm';
import type { Envelope } from '#libs/contracts';
import { transaction } from '#libs/outbox';
import { isDatabaseDown } from './database-errors.js';
import { RENEW_MS, type DueWork } from './due.js';
import { Effects, type EffectParts } from './effects.js';
import { Gathering } from './gathering.js';
import type { HandlingParts } from './parts.js';
import { takeTurns } from './take-turns.js';

/** What is left of due work that was run: its effect, to be had together with the end of its row. */
export interface Ending {
  readonly work: DueWork;
  readonly cause: Envelope;
  readonly conclude: (tx: EntityManager, effects: Effects) => Promise<void>;
}

interface Waiting extends Ending {
  readonly concluded: PromiseWithResolvers<void>;
}

/** Another worker has the lease by now; the transaction must leave no effect. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
  constructor({ type }: DueWork) {
    super(`${type} is with another worker`);
  }
}

/**
 * Ends due work. What comes to its end while another transaction is on its way shares the next one, as deliveries share one in the inbox;
 * when that fails, each has one of its own.
 */
export class Conclusions {
  private readonly gathering: Gathering<Waiting>;
  /** At most one, since it takes a connection. */
  private renewal: Promise<void> | undefined;

  constructor(
    private readonly parts: HandlingParts & EffectParts,
    private readonly holder: string,
  ) {
    this.gathering = new Gathering(
      (batch) => this.commitTogether(batch),
      { keyOf: ({ work }) => work.key, canWait: () => false },
      // What a command did would be done again after a crash until its end is written: it does not linger.
      { most: parts.maxBatch, atOnce: 1, companyMs: parts.companyMs, lingerMs: 0 },
    );
  }

  /** Resolves once row and effect are committed; after a rejection neither is, unless the database was lost on the way. @throws LeaseLost */
  together(ending: Ending): Promise<void> {
    const concluded = Promise.withResolvers<void>();
    // Within the span of its own work, whoever's turn it is.
    void this.gathering.add([{ ...ending, conclude: AsyncResource.bind(ending.conclude), concluded }]);
    return concluded.promise;
  }

  /** The same in a transaction that nobody shares. */
  async alone(ending: Ending): Promise<void> {
    const finished = await this.commit([ending]);
    if (finished.size === 0) throw new LeaseLost(ending.work);
  }

  private async commitTogether(batch: readonly Waiting[]): Promise<void> {
    try {
      const finished = await this.commit(batch);
      for (const { work, concluded } of batch) {
        if (finished.has(work.rowId)) concluded.resolve();
        else concluded.reject(new LeaseLost(work));
      }
    } catch (error) {
      for (const one of batch) {
        if (batch.length === 1 || isDatabaseDown(error)) one.concluded.reject(error);
        else this.alone(one).then(one.concluded.resolve, one.concluded.reject);
      }
    }
  }

  /** Returns the rows that were still the holder's: all of theirs is committed, and nothing of the others. */
  private async commit(batch: readonly Ending[]): Promise<ReadonlySet<string>> {
    const { database, claims, perKey } = this.parts;
    const effects = new Effects(this.parts);
    const done = batch.map(({ cause, work: { rowId, attempts } }) => ({ ...cause, rowId, attempts }));
    const committed = transaction(database, async (tx) => {
      const held = await claims.finishAndNote(tx, this.holder, done);
      const endings = batch.filter(({ work }) => held.has(work.rowId));
      await takeTurns(endings, ({ conclude }) => conclude(tx, effects), { tx, keyOf: ({ work }) => work.key, perKey });
      await effects.write(tx);
      return held;
    });
    const renewing = setInterval(() => this.renewWhenFreed(batch), RENEW_MS);
    return effects.endingWith(committed.finally(() => clearInterval(renewing)));
  }

  /** A lease may run out while the row is locked: were the transaction rolled back then, another worker could have it before the failure is counted. */
  private renewWhenFreed(batch: readonly Ending[]): void {
    const { due, database } = this.parts;
    const rowIds = batch.map(({ work }) => work.rowId);
    this.renewal ??= due
      .renewWhenFreed(database, this.holder, rowIds)
      .catch(() => undefined)
      .finally(() => (this.renewal = undefined));
  }
}
