import type { EntityManager } from 'typeorm';
import type { Envelope } from '#libs/contracts';
import {
  failPoint,
  fieldsOf,
  Hopeless,
  processing,
  type Delivery,
  type HandleBatch,
  type Handler,
} from '#libs/messaging';
import { transaction } from '#libs/outbox';
import { delayAfter } from './backoff.js';
import { isDatabaseDown } from './database-errors.js';
import type { DeadLetter, DeadLetterReason } from './dead-letters.js';
import { errorText } from './dead-letters-error.js';
import type { NewWork } from './due.js';
import { Effects, type Doer } from './effects.js';
import { Gathering, type JoinCall } from './gathering.js';
import { deathsOf, retryOf } from './limits.js';
import type { HandlingParts } from './parts.js';
import { read, Unreadable } from './read.js';
import { SideBySide } from './side-by-side.js';
import { FEWEST_DEATHS, KillsTheProcess, Suspects } from './suspects.js';
import { takeTurns } from './take-turns.js';
import { Turn } from './turn.js';

export interface InboxParts extends HandlingParts {
  /** What is delivered waits so long for more to share its transaction, milliseconds. */
  readonly lingerMs: number;
  /** So many batches are handled side by side where the store hands over more than fits into one; batches of one have a connection each. */
  readonly batchesAtOnce: number;
  readonly doer: Doer & { wake(): void };
}

/** More than a service can have had under way when its last run ended. */
const WATCHED_AFTER_START = 1_000;
/** Of all lanes; the second one goes on while a reaction of the first is slow. */
const TRANSACTIONS_AT_ONCE = 2;

interface Readable {
  readonly delivery: Delivery;
  readonly envelope: Envelope;
  readonly handler: Handler;
}

/**
 * Has each message take effect once: the claim of its id, the reaction and all that the reaction returns are one transaction,
 * shared by a batch. A reaction that fails is stored for a later try in this database, and what follows of its key waits behind it.
 */
export class Inbox {
  private readonly suspects = new Suspects(WATCHED_AFTER_START);
  /** One batch at a time, whatever lanes they come from: what ends the process then is in that batch. */
  private readonly watchedTurn = new Turn();

  private readonly gathering: Gathering<Readable>;
  private readonly sideBySide: SideBySide<Readable>;

  constructor(private readonly parts: InboxParts) {
    const { companyMs, lingerMs, batchesAtOnce, maxBatch: most } = parts;
    const keyOf = ({ envelope }: Readable) => envelope.key;
    const canWait = ({ handler }: Readable) => handler.canWait;
    const limits = { most, atOnce: TRANSACTIONS_AT_ONCE, companyMs, lingerMs };
    this.gathering = new Gathering((batch) => this.handleTogether(batch), { keyOf, canWait }, limits);
    this.sideBySide = new SideBySide({ most, atOnce: batchesAtOnce }, keyOf, (batch, joinable) =>
      this.handleSoon(batch, joinable),
    );
  }

  /** Resolves once every delivery has taken effect, waits for a later try, or is set aside; rejects while the database is out of reach. */
  readonly receive: HandleBatch = async (batch, joinable) => {
    const { readable, unreadable } = this.readAll(batch);
    if (unreadable.length > 0) await this.setAside(unreadable);
    const readAndJoin = (join: JoinCall<Readable>) =>
      joinable?.((delivery) => join(() => this.readAll([delivery()]).readable[0]));
    if (readable.length > 0) await this.sideBySide.run(readable, joinable && readAndJoin);
  };

  private handleSoon(batch: readonly Readable[], joinable?: (join: JoinCall<Readable>) => void): Promise<void> {
    if (this.suspects.watching) return this.watchedTurn.run(() => this.handleWatched(batch));
    return this.parts.maxBatch > 1 ? this.gathering.add(batch, joinable) : this.handleTogether(batch);
  }

  private async handleTogether(batch: readonly Readable[]): Promise<void> {
    try {
      await this.handle(batch);
    } catch (error) {
      if (isDatabaseDown(error)) throw error;
      if (batch.length === 1) await this.storeForRetry(batch[0]!, error);
      else for (const one of batch) await this.handleTogether([one]);
    }
  }

  private async handleWatched(batch: readonly Readable[]): Promise<void> {
    const { suspects } = this;
    const { manager } = this.parts.database;
    const ids = [...new Set(batch.map(({ envelope }) => envelope.id))];
    const recorded = await suspects.begin(manager, ids);
    if (recorded.size === 0) {
      await this.handleTogether(batch);
      return suspects.survived(manager, ids);
    }
    for (const one of batch) {
      const attempts = recorded.get(one.envelope.id) ?? 0;
      try {
        await this.parts.suspectsTurn.run(() => this.handleAlone(one, attempts));
      } finally {
        this.parts.doer.wake();
      }
    }
  }

  private async handleAlone(one: Readable, attempts: number): Promise<void> {
    const { suspects } = this;
    const { manager } = this.parts.database;
    const { id } = one.envelope;
    // The first one recorded may be of a whole batch, and the death before it is not recorded.
    if (attempts >= Math.max(FEWEST_DEATHS, deathsOf(one.handler, this.parts.limits) - 1)) {
      await this.storeForRetry(one, new KillsTheProcess(one.envelope.type, attempts));
    } else {
      await suspects.record(manager, [id]);
      await this.handleTogether([one]);
    }
    await suspects.clear(manager, [id]);
  }

  private async handle(batch: readonly Readable[]): Promise<void> {
    const { database, claims, due, perKey } = this.parts;
    const effects = new Effects(this.parts);
    const behind: Readable[] = [];
    const handled: Readable[] = [];
    let claimed: ReadonlySet<string> = new Set();
    const committed = transaction(database, async (tx) => {
      const asked = distinct(batch);
      const looked = await claims.claimAndLook(tx, asked);
      ({ claimed } = looked);
      failPoint('after-claim');
      const sawAll = claimed.size === asked.length || claimed.size === 0;
      const waiting = sawAll
        ? looked.waiting
        : await due.waitingKeys(
            tx,
            asked.map(({ key }) => key),
          );
      const fresh = new Set(claimed);
      for (const one of batch) {
        if (fresh.delete(one.envelope.id)) (waiting.has(one.envelope.key) ? behind : handled).push(one);
      }
      await takeTurns(handled, (one) => this.react(one, tx, effects, batch.length), {
        tx,
        keyOf: ({ envelope }) => envelope.key,
        perKey,
      });
      await due.add(
        tx,
        behind.map((one) => toWork(one, 0, 0)),
      );
      await effects.write(tx);
      failPoint('before-commit');
    });
    await effects.endingWith(committed.then(() => failPoint('after-commit')));
    if (behind.length > 0) this.parts.doer.wake();
    await this.report(batch, handled, claimed);
  }

  private async react(
    { envelope, handler, delivery }: Readable,
    tx: EntityManager,
    effects: Effects,
    batchSize: number,
  ): Promise<void> {
    await processing(envelope, this.attributesOf(delivery, batchSize), () =>
      this.parts.metrics.timed(envelope.type, () =>
        effects.run(tx, envelope, handler, () => handler.run(envelope, tx)),
      ),
    );
  }

  private attributesOf(delivery: Delivery, batchSize: number) {
    return {
      'messaging.system': this.parts.system,
      'messaging.batch.message_count': batchSize,
      'messaging.consumer.group.name': this.parts.service,
      'messaging.destination.name': delivery.topic,
      ...(delivery.redelivered ? { 'messaging.redelivered': true } : {}),
    };
  }

  private async storeForRetry(one: Readable, error: unknown): Promise<void> {
    const { database, claims, due, deadLetters, log } = this.parts;
    const policy = retryOf(one.handler, this.parts.limits);
    const hopeless = error instanceof Hopeless || policy.attempts <= 1;
    const delayMs = delayAfter(1, policy);
    const claimed = await database.transaction(async (tx) => {
      const fresh = await claims.claim(tx, [one.envelope]);
      if (fresh.size === 0) return fresh;
      if (hopeless) await deadLetters.add(tx, [toDeadLetter(one, error)]);
      else await due.add(tx, [toWork(one, 1, delayMs, errorText(error))]);
      return fresh;
    });
    if (claimed.size === 0) return this.report([one], [], claimed);
    const { type } = one.envelope;
    this.parts.metrics.handled({ ...one.envelope, topic: one.delivery.topic }, hopeless ? 'dead_lettered' : 'retry');
    const fields = { ...fieldsOf(one.envelope), error: String(error) };
    if (hopeless) log.error({ event: 'event_dead_lettered', ...fields }, `${type} was set aside: ${String(error)}`);
    else
      log.warn(
        { event: 'event_retry', attempt: 1, in_ms: delayMs, ...fields },
        `${type} failed, next try in ${delayMs} ms: ${String(error)}`,
      );
    if (!hopeless) this.parts.doer.wake();
  }

  private readAll(batch: readonly Delivery[]): { readable: Readable[]; unreadable: DeadLetter[] } {
    const readable: Readable[] = [];
    const unreadable: DeadLetter[] = [];
    for (const delivery of batch) {
      try {
        if (delivery.givenUp) throw new Unreadable('broker', `never settled: ${delivery.origin}`);
        const { envelope, handler } = read('event', delivery, this.parts.handlers);
        if (!this.parts.claims.covers(envelope.id)) {
          throw new Unreadable('too_old', `the id ${envelope.id} is of a time that claims are not kept for`);
        }
        readable.push({ delivery, envelope, handler });
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        unreadable.push(unread(delivery, error.reason, error.message));
      }
    }
    return { readable, unreadable };
  }

  private async setAside(letters: readonly DeadLetter[]): Promise<void> {
    await this.parts.database.transaction((tx) => this.parts.deadLetters.add(tx, letters));
    for (const letter of letters) {
      this.parts.metrics.handled({ type: this.labelOf(letter), topic: '', time: '' }, 'dead_lettered');
      this.parts.log.error(
        { event: 'event_dead_lettered', reason: letter.reason, type: letter.type, origin: letter.origin },
        `${letter.type || 'a message'} from ${letter.origin} was set aside: ${letter.lastError}`,
      );
    }
  }

  /** A sender's mistake makes no label. */
  private labelOf({ type = '' }: DeadLetter): string {
    return this.parts.handlers.types.includes(type) ? type : 'other';
  }

  private async report(batch: readonly Readable[], handled: readonly Readable[], claimed: ReadonlySet<string>) {
    const { log, metrics } = this.parts;
    metrics.batch(batch.length);
    const done = new Set(handled);
    const seen = new Set<string>();
    const again: string[] = [];
    for (const one of batch) {
      const { envelope, delivery } = one;
      const duplicate = !claimed.has(envelope.id) || seen.has(envelope.id);
      seen.add(envelope.id);
      if (duplicate) {
        again.push(envelope.id);
        const attributes = { ...this.attributesOf(delivery, batch.length), 'farandole.duplicate': true };
        await processing(envelope, attributes, async () => undefined);
      }
      const outcome = duplicate ? 'duplicate' : done.has(one) ? 'processed' : 'waiting';
      metrics.handled({ ...envelope, topic: delivery.topic }, outcome, delivery.redelivered);
      log.info(
        { event: `event_${outcome}`, ...fieldsOf(envelope), batch: batch.length },
        `${envelope.type} ${SAID[outcome]}`,
      );
    }
    if (again.length > 0) await this.parts.claims.noteDuplicates(this.parts.database.manager, again);
  }
}

const SAID = { duplicate: 'came again', processed: 'processed', waiting: 'waits behind an earlier one' };

function distinct(batch: readonly Readable[]): Envelope[] {
  return [...new Map(batch.map(({ envelope }) => [envelope.id, envelope])).values()];
}

function toWork({ envelope, delivery }: Readable, attempts: number, delayMs: number, error?: string): NewWork {
  const { headers, body } = delivery;
  return {
    kind: 'event',
    type: envelope.type,
    key: envelope.key,
    headers,
    body,
    attempts,
    delayMs,
    ...(error ? { error } : {}),
  };
}

function toDeadLetter({ delivery }: Readable, error: unknown): DeadLetter {
  const message = errorText(error);
  return {
    ...pick(delivery),
    kind: 'event',
    reason: error instanceof Hopeless ? 'hopeless' : 'out_of_attempts',
    attempts: error instanceof KillsTheProcess ? error.times : 1,
    firstError: message,
    lastError: message,
  };
}

function unread(delivery: Delivery, reason: DeadLetterReason, error: string): DeadLetter {
  const shared = { kind: 'event', attempts: 0, unclaimed: true } as const;
  return { ...pick(delivery), ...shared, reason, firstError: error, lastError: error };
}

function pick({ type, key, headers, body, origin }: Delivery) {
  return { type, key, headers, body, origin };
}
