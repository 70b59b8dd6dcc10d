import { randomUUIDv7 } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import type { Command, Envelope } from '#libs/contracts';
import {
  failPoint,
  fieldsOf,
  Hopeless,
  Postponed,
  processing,
  Signal,
  storedFields,
  topicOf,
  type Handler,
} from '#libs/messaging';
import { delayAfter } from './backoff.js';
import { Conclusions, LeaseLost, type Ending } from './conclusions.js';
import { isDatabaseDown, toldApart } from './database-errors.js';
import type { DeadLetterReason } from './dead-letters.js';
import { errorText } from './dead-letters-error.js';
import { RENEW_MS, type DueTable, type DueWork, type Holder, type NewWork } from './due.js';
import type { Doer } from './effects.js';
import { deathsOf, retryOf, runWithin } from './limits.js';
import type { HandlingParts } from './parts.js';
import { read, Unreadable } from './read.js';
import { FEWEST_DEATHS, KillsTheProcess } from './suspects.js';

export interface DueWorkerParts extends HandlingParts {
  /** Handlers at once, at most. */
  readonly concurrency: number;
}

const LONGEST_WAIT_MS = 1_000;
const DATABASE_DOWN_MS = 1_000;

/** Commands wait in the service's own database and travel nowhere. */
const OWN_TABLE = { 'messaging.system': 'postgresql', 'messaging.destination.name': 'due' };

/** How long work rests that was handed back unfinished. */
const HANDED_BACK_MS = 1_000;

/** Works off what is due: commands outside of a transaction, events tried again inside one, a bounded number at once. */
export class DueWorker implements Doer {
  private readonly me = randomUUIDv7();
  private readonly conclusions: Conclusions;
  private readonly woken = new Signal();
  private readonly running = new Map<string, Promise<void>>();
  /** Of what runs: handled, and waiting for its end to be committed. */
  private concluding = 0;
  /** Leased by a transaction that may not be committed yet. */
  private readonly promised = new Set<string>();
  /** Room that is kept for work which is being written. */
  private reserved = 0;
  /** Something may wait for room, or behind what runs. */
  private crowded = true;
  /** The row that is run although nobody knows how its last attempt ended, and the end of its turn: one at a time, so that what kills is told from what was beside it. */
  private suspect: { readonly rowId: string; readonly giveBack: () => void } | undefined;
  /** There may be work under this worker's name that it does not run. */
  private astray = false;
  private stopping = false;
  private loop: Promise<void> | undefined;
  private renewal: NodeJS.Timeout | undefined;

  constructor(private readonly parts: DueWorkerParts) {
    this.conclusions = new Conclusions({ ...parts, doer: this }, this.me);
  }

  start(): void {
    this.loop ??= this.run();
    this.renewal ??= setInterval(() => void this.renew(), RENEW_MS);
  }

  /** Something was committed that may be due now. */
  wake(): void {
    this.crowded = true;
    this.woken.set();
  }

  async add(tx: EntityManager, commands: readonly NewWork[]) {
    const room = this.stopping ? 0 : Math.min(commands.length, this.room);
    this.reserved += room;
    const sent = this.parts.due.addLeased(tx, commands, this.me, room);
    const taken = this.promisedOf(sent, room);
    taken.catch(() => undefined);
    await sent;
    return { taken };
  }

  /** Gives the room back that was kept until the answer. */
  private async promisedOf(sent: ReturnType<DueTable['addLeased']>, room: number): Promise<readonly DueWork[]> {
    try {
      const taken = await (await sent).leased;
      for (const { rowId } of taken) this.promised.add(rowId);
      return taken;
    } finally {
      this.reserved -= room;
    }
  }

  committed(written: number, taken: readonly DueWork[]): void {
    for (const work of taken) {
      this.promised.delete(work.rowId);
      this.begin(work);
    }
    if (taken.length < written) this.wake();
  }

  failed(taken: readonly DueWork[]): void {
    for (const { rowId } of taken) this.promised.delete(rowId);
    this.astray = true;
    this.woken.set();
  }

  /** Leases no more and waits for what runs, and for what that begins. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.woken.set();
    await this.loop;
    while (this.running.size > 0) await Promise.all(this.running.values());
    clearInterval(this.renewal);
    if (this.astray) await this.handBack().catch(() => undefined);
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      let waitMs = LONGEST_WAIT_MS;
      try {
        if (this.astray) await this.handBack();
        const { due, database } = this.parts;
        const { room } = this;
        // Before the look, so that what is written meanwhile is not overlooked.
        if (this.own.length === 0) this.crowded = false;
        const leased = room > 0 ? await this.lease(room) : [];
        if (leased.length > 0) this.crowded = true;
        for (const work of leased) this.begin(work);
        if (this.suspect !== undefined && leased.length > 0) waitMs = 0;
        else if (leased.length === 0 && room > 0) {
          waitMs = Math.min(waitMs, Math.max(5, (await due.nextInMs(database, this.holder)) ?? waitMs));
        }
      } catch {
        // An answer that was lost may have been a lease.
        this.astray = true;
        this.crowded = true;
        waitMs = DATABASE_DOWN_MS;
      }
      await this.woken.wait(waitMs);
    }
  }

  /** What waits for its end needs no handler, up to a batch of it: else those that wait for company would keep others from beginning. */
  private get room(): number {
    const { concurrency, maxBatch } = this.parts;
    const waiting = Math.min(this.concluding, maxBatch);
    return Math.max(0, concurrency + waiting - this.running.size - this.promised.size - this.reserved);
  }

  /** What it runs, or is about to. */
  private get own(): string[] {
    return [...this.running.keys(), ...this.promised];
  }

  private get holder(): Holder {
    return { id: this.me, takesSuspects: this.parts.suspectsTurn.isFree };
  }

  private async lease(room: number): Promise<DueWork[]> {
    const { due, database, suspectsTurn } = this.parts;
    const { holder } = this;
    const giveBack = holder.takesSuspects ? await suspectsTurn.take() : () => undefined;
    let suspect: DueWork | undefined;
    try {
      const leased = await due.lease(database, holder, room);
      suspect = leased.find(({ unexplained }) => unexplained > 0);
      if (suspect) this.suspect = { rowId: suspect.rowId, giveBack };
      return leased;
    } finally {
      if (!suspect) giveBack();
    }
  }

  private begin(work: DueWork): void {
    const done = this.attempt(work)
      .catch((error: unknown) => {
        this.crowded = true;
        return this.afterFailure(work, error);
      })
      .catch((error: unknown) => this.interrupted(work, error))
      .finally(() => {
        this.running.delete(work.rowId);
        if (this.suspect?.rowId === work.rowId) {
          this.suspect.giveBack();
          this.suspect = undefined;
        }
        if (this.crowded) this.woken.set();
      });
    this.running.set(work.rowId, done);
  }

  /** Neither done nor failed: it counts as never begun, as soon as the database can be told so. */
  private interrupted(work: DueWork, error: unknown): void {
    this.astray = true;
    if (error instanceof LeaseLost) return;
    this.parts.log.warn(
      { event: 'due_work_interrupted', error: String(error) },
      `${work.type} is begun anew once the database answers: ${String(error)}`,
    );
  }

  private async handBack(): Promise<void> {
    const { due, database } = this.parts;
    this.astray = false;
    try {
      await due.renew(database, this.me, this.own);
      await due.release(database, this.me, this.own, HANDED_BACK_MS);
    } catch (error) {
      this.astray = true;
      throw error;
    }
  }

  private async attempt(work: DueWork): Promise<void> {
    const { metrics } = this.parts;
    const { envelope, handler } = read(work.kind, work, this.parts.handlers);
    const deaths = Math.max(FEWEST_DEATHS, deathsOf(handler, this.parts.limits));
    if (work.unexplained >= deaths) throw new KillsTheProcess(work.type, work.unexplained);
    const attributes = {
      ...(work.kind === 'command' ? OWN_TABLE : this.arrivedFrom(envelope)),
      'messaging.consumer.group.name': this.parts.service,
      'farandole.attempt': work.attempts,
    };
    await processing(envelope, attributes, () =>
      metrics.timed(envelope.type, () =>
        work.kind === 'event' ? this.react(work, envelope, handler) : this.command(work, envelope, handler),
      ),
    );
    if (work.kind === 'command') metrics.command(envelope.type, 'done');
    else metrics.handled({ ...envelope, topic: topicOf(envelope) }, 'processed');
    this.parts.log.info(
      { event: `${work.kind}_processed`, attempt: work.attempts, ...fieldsOf(envelope) },
      `${envelope.type} processed${work.attempts > 1 ? ` at attempt ${work.attempts}` : ''}`,
    );
  }

  private arrivedFrom(envelope: Envelope) {
    return { 'messaging.system': this.parts.system, 'messaging.destination.name': topicOf(envelope) };
  }

  private react(work: DueWork, envelope: Envelope, handler: Handler): Promise<void> {
    return this.conclusions.alone(endingOf(work, envelope, handler, (tx) => handler.run(envelope, tx)));
  }

  private async command(work: DueWork, envelope: Envelope, handler: Handler): Promise<void> {
    const command: Command = { ...envelope, attempt: work.attempts };
    const { database, limits } = this.parts;
    const call = () => runWithin(limits, handler, () => handler.run(command));
    const conclusion = (await toldApart(database, call)) as (tx: EntityManager) => Promise<unknown>;
    failPoint('after-call');
    await this.conclude(endingOf(work, envelope, handler, conclusion));
  }

  /** With batches of one, commands run beside each other to their end. */
  private async conclude(ending: Ending): Promise<void> {
    if (this.parts.maxBatch === 1) return this.conclusions.alone(ending);
    this.concluding++;
    if (this.crowded) this.woken.set();
    try {
      await this.conclusions.together(ending);
    } finally {
      this.concluding--;
    }
  }

  private async afterFailure(work: DueWork, error: unknown): Promise<void> {
    const { database, due, log } = this.parts;
    if (error instanceof LeaseLost || isDatabaseDown(error)) throw error;
    if (error instanceof Postponed) {
      if (!(await due.putOff(database, this.me, work.rowId, error.inMs, String(error)))) throw new LeaseLost(work);
      this.count(work, 'postponed');
      log.debug(
        { event: `${work.kind}_postponed`, in_ms: error.inMs, reason: error.message, ...storedFields(work) },
        `${work.type} waits, next look in ${error.inMs} ms: ${error.message}`,
      );
      return;
    }
    const policy = retryOf(this.parts.handlers.of(work.kind, work.type), this.parts.limits);
    const fields = { ...storedFields(work), attempt: work.attempts, error: String(error) };
    const reason = reasonToGiveUp(work, error, policy.attempts);
    if (reason) {
      await this.setAside(work, error, reason);
      this.count(work, 'dead_lettered');
      log.error(
        { event: `${work.kind}_dead_lettered`, reason, ...fields },
        `${work.type} was set aside: ${String(error)}`,
      );
    } else {
      const delayMs = delayAfter(work.attempts, policy);
      if (!(await due.postpone(database, this.me, work.rowId, delayMs, errorText(error)))) throw new LeaseLost(work);
      this.count(work, 'retry');
      log.warn(
        { event: `${work.kind}_retry`, in_ms: delayMs, ...fields },
        `${work.type} failed, next try in ${delayMs} ms: ${String(error)}`,
      );
    }
  }

  private count({ kind, type, headers }: DueWork, outcome: 'retry' | 'postponed' | 'dead_lettered'): void {
    const { metrics } = this.parts;
    if (kind === 'command') metrics.command(type, outcome);
    else metrics.handled({ type, topic: topicOf({ source: headers['source'] ?? '' }), time: '' }, outcome);
  }

  private async setAside(work: DueWork, error: unknown, reason: DeadLetterReason): Promise<void> {
    const lastError = errorText(error);
    const { kind, type, key, headers, body, firstError = lastError } = work;
    // What kills the process is not tried again.
    const attempts = error instanceof KillsTheProcess ? work.attempts - 1 : work.attempts;
    await this.parts.database.transaction(async (tx) => {
      if ((await this.parts.due.finish(tx, this.me, [work.rowId])).size === 0) throw new LeaseLost(work);
      await this.parts.deadLetters.add(tx, [
        { kind, type, key, headers, body, reason, attempts, firstError, lastError },
      ]);
    });
  }

  private async renew(): Promise<void> {
    if (this.running.size === 0) return;
    await this.parts.due.renew(this.parts.database, this.me, [...this.running.keys()]).catch(() => undefined);
  }
}

function endingOf(
  work: DueWork,
  cause: Envelope,
  handler: Handler,
  effect: (tx: EntityManager) => Promise<unknown>,
): Ending {
  return { work, cause, conclude: (tx, effects) => effects.run(tx, cause, handler, () => effect(tx)) };
}

function reasonToGiveUp(work: DueWork, error: unknown, attempts: number): DeadLetterReason | undefined {
  if (error instanceof Unreadable) return error.reason;
  if (error instanceof Hopeless) return 'hopeless';
  return work.attempts - work.unexplained >= attempts ? 'out_of_attempts' : undefined;
}
