import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import {
  failPoint,
  publishing,
  Signal,
  storedFields,
  type MessagingMetrics,
  type Publisher,
  type TransportLog,
} from '#libs/messaging';
import { Beat } from './beat.js';
import { KeyedQueue } from './keyed-queue.js';
import type { OutboxRow } from './outbox.js';
import { OutboxReader } from './outbox-reader.js';
import { delayAfter, Refusals } from './refusals.js';

export interface RelayOptions {
  readonly url: string;
  readonly publisher: Publisher;
  readonly log: TransportLog;
  readonly metrics: MessagingMetrics;
  /** The store's name by the semantic conventions. */
  readonly system: string;
  /** How often to look without being woken. Milliseconds. */
  readonly pollMs?: number;
  /**
   * Without an answer for so long, the connection counts as lost. The server for its part ends the relay's session, and with it the hold on the outbox, after
   * twice that without a word. Milliseconds: several times `pollMs`, and more than a second.
   */
  readonly answerTimeoutMs?: number;
  /** While work piles up, what is stated goes out so far apart, unless there is enough for a publish. Milliseconds; 0: at once. */
  readonly beatMs?: number;
}

const READ = 500;
const MOST_UNSETTLED = 2_000;
const PUBLISH = 200;
const PUBLISHES_IN_FLIGHT = 4;
/** Confirmed rows are deleted together, those of this long. A crash meanwhile sends them twice. */
const REMOVE_EVERY_MS = 250;
const STAND_BY_MS = 1_000;
const STOP_WITHIN_MS = 5_000;
/** Any number, the same in each replica: one relay works per database. */
const LOCK = 7_205_001;

/**
 * Publishes what the outbox holds, in id order per key, and deletes it once the broker confirmed. One replica's relay is active
 * per database, the others stand by. Broker and database may go away at any time: it waits and goes on.
 */
export class Relay {
  private readonly options: Required<RelayOptions>;
  private readonly woken = new Signal();
  private stopping = false;
  private active = false;
  /** Committed by this process since the last look. */
  private handed: OutboxRow[] = [];
  /** There may be rows that nobody handed over. */
  private unread = true;
  private sweepAt = 0;
  private running: Promise<void> | undefined;
  private client: Client | undefined;
  private notifying = false;
  private failures = 0;

  constructor({ pollMs = 500, answerTimeoutMs = 10_000, beatMs = 0, ...given }: RelayOptions) {
    this.options = { ...given, pollMs, answerTimeoutMs, beatMs };
  }

  start(): void {
    this.running ??= this.run();
  }

  /** These were committed: publishes them at once, or tells the active replica to look. */
  wake(rows: readonly OutboxRow[]): void {
    if (!this.active) return this.notify();
    if (this.handed.length < READ) this.handed.push(...rows);
    else this.unread = true;
    this.woken.set();
  }

  /** Publishes what it can within 5 s, then lets go of the database. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.woken.set();
    await Promise.race([this.running, pause(STOP_WITHIN_MS, undefined, { ref: false })]);
    await this.client?.end().catch(() => undefined);
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.serve();
        this.failures = 0;
      } catch (error) {
        if (this.stopping) return;
        const delay = delayAfter(++this.failures);
        this.options.log.warn(
          { event: 'relay_interrupted', error: messageOf(error) },
          `relay: the database is out of reach, next try in ${Math.ceil(delay / 1000)} s: ${messageOf(error)}`,
        );
        await pause(delay);
      }
    }
  }

  private async serve(): Promise<void> {
    const { url, answerTimeoutMs } = this.options;
    const client = new Client({
      connectionString: url,
      application_name: 'relay',
      connectionTimeoutMillis: answerTimeoutMs,
      query_timeout: answerTimeoutMs,
    });
    const lost = new Promise<never>((_, reject) => {
      client.once('error', reject);
      client.once('end', () => reject(new Error('the connection ended')));
    });
    lost.catch(() => undefined);
    try {
      await client.connect();
      this.client = client;
      await Promise.race([this.work(client), lost]);
    } finally {
      this.active = false;
      this.client = undefined;
      await client.end().catch(() => undefined);
    }
  }

  private async work(client: Client): Promise<void> {
    // What is lost of its deletes in a crash of the database is published twice, which the inbox expects.
    await client.query(`set synchronous_commit = off; set idle_session_timeout = ${2 * this.options.answerTimeoutMs}`);
    while (!(await lock(client))) {
      this.failures = 0;
      if (this.stopping) return;
      await pause(STAND_BY_MS, undefined, { ref: false });
    }
    client.on('notification', () => {
      this.unread = true;
      this.woken.set();
    });
    await client.query('listen outbox');
    this.handed = [];
    this.unread = true;
    this.active = true;
    this.failures = 0;
    await this.publishAll(new OutboxReader(client));
  }

  private async publishAll(reader: OutboxReader): Promise<void> {
    const queue = new KeyedQueue<OutboxRow>();
    const refusals = new Refusals<OutboxRow>();
    const refused: OutboxRow[] = [];
    const confirmed: OutboxRow[] = [];
    let inFlight = 0;
    let removeAt = 0;
    const beat = new Beat(this.options.beatMs);

    /** What is not confirmed together is sent again in halves: in the end a row that is refused holds up its own key alone. */
    const publish = async (rows: OutboxRow[]): Promise<void> => {
      if (refusals.pausing) return queue.putBack(rows);
      try {
        await this.publish(rows);
        failPoint('after-publish');
      } catch (error) {
        const alone = rows.length === 1 ? rows[0] : undefined;
        this.options.log.warn(
          {
            event: 'publish_failed',
            messages: rows.length,
            error: messageOf(error),
            ...(alone && storedFields(alone)),
          },
          `relay: ${rows.length} messages not confirmed, they stay in the outbox: ${messageOf(error)}`,
        );
        if (alone) {
          refused.push(alone);
          return refusals.add(alone);
        }
        const middle = Math.ceil(rows.length / 2);
        await publish(rows.slice(0, middle));
        return publish(rows.slice(middle));
      }
      queue.settle(rows);
      refusals.clear();
      if (confirmed.length === 0) removeAt = Date.now() + REMOVE_EVERY_MS;
      confirmed.push(...rows);
      for (const row of rows)
        this.options.log.info({ event: 'event_published', ...storedFields(row) }, `${row.type} published`);
    };

    /** What was refused goes alone. So does what shows whether the store is back, rather one that was not refused yet. */
    const next = (): OutboxRow[] => {
      if (refusals.pausing) return [];
      const { away } = refusals;
      const one = away ? queue.take(1) : refusals.take();
      if (one.length > 0) return one;
      return away ? refusals.take() : queue.take(PUBLISH);
    };

    for (;;) {
      for (const row of refused.splice(0)) reader.leaveOut(row, queue.drop(row.key));
      queue.push(await this.look(reader, MOST_UNSETTLED - queue.unsettled));
      const holdMs = this.stopping || queue.unsettled >= PUBLISH ? 0 : beat.holdMs;
      while (holdMs === 0 && inFlight < (refusals.away ? 1 : PUBLISHES_IN_FLIGHT)) {
        const rows = next();
        if (rows.length === 0) break;
        beat.struck(rows.length);
        inFlight++;
        void publish(rows).finally(() => {
          inFlight--;
          this.woken.set();
        });
      }
      const removing = confirmed.length >= READ || Date.now() >= removeAt || this.stopping;
      if (removing && confirmed.length > 0) await reader.remove(confirmed.splice(0));
      if (this.stopping && inFlight === 0 && confirmed.length === 0) return;
      const restMs = confirmed.length > 0 ? Math.max(0, removeAt - Date.now()) : this.options.pollMs;
      await this.woken.wait(holdMs > 0 ? Math.min(holdMs, restMs) : restMs);
    }
  }

  /** What is new and has room: as it was handed over where that is all, read where there may be more. Has the server hear of the relay at least as often as it sweeps. */
  private async look(reader: OutboxReader, room: number): Promise<OutboxRow[]> {
    const sweeping = Date.now() >= this.sweepAt;
    if (room <= READ) {
      this.unread = true;
      return sweeping ? this.sweep(reader, 0) : [];
    }
    const handed = this.handed.splice(0);
    const taken = this.unread || sweeping ? undefined : reader.take(handed);
    if (taken) return taken;
    this.unread = false;
    const rows = await (sweeping ? this.sweep(reader, READ) : reader.read(READ));
    if (reader.more) {
      this.unread = true;
      this.woken.set();
    }
    return rows;
  }

  private async sweep(reader: OutboxReader, limit: number): Promise<OutboxRow[]> {
    const rows = await reader.sweep(limit);
    if (rows.length < READ) this.sweepAt = Date.now() + this.options.pollMs;
    return rows;
  }

  private publish(rows: readonly OutboxRow[]): Promise<void> {
    const { publisher, metrics, system } = this.options;
    return publishing(system, rows, () => metrics.published(rows, () => publisher.publish(rows)));
  }

  /** At most one NOTIFY at a time: inside each transaction it would take a global lock at commit. */
  private notify(): void {
    if (this.notifying || !this.client) return;
    this.notifying = true;
    this.client
      .query('notify outbox')
      .catch(() => undefined)
      .finally(() => (this.notifying = false));
  }
}

async function lock(client: Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [LOCK]);
  return rows[0]?.locked ?? false;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
