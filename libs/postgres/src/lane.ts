import { Backoff, Signal, type HandleBatch, type Subscription } from '#libs/messaging';
import { channelOf, LEFT, kindOf, leaveLane, move, read, stay, takeLane, type Positioned } from './log.js';
import type { Session } from './session.js';
import type { SubscriberSettings } from './subscriber.js';

/** A stand-by looks this often whether the service is free, should nobody tell. */
const STAND_BY_MS = 250;
/** With nothing to read, the cursor stays behind what is settled for this long: it moves along with the next read. A crash meanwhile delivers that again. */
const MOVE_MS = 50;
/** The cursor of a service that finds nothing of interest follows the log this often. */
const FOLLOW_MS = 5_000;
const FIRST_PAUSE_MS = 50;
/** Between two deliveries of a batch that is rejected each time. */
const LONGEST_PAUSE_MS = 5_000;
/** Between two attempts to reach PostgreSQL. */
const LONGEST_AWAY_MS = 1_000;
/** A session that lasted this long was well: its end is news, and the next attempt is made soon. */
const STEADY_MS = 10_000;

/** One replica's part in one service: stands by, works once it is its turn, begins again when its session is lost. */
export class Lane {
  private readonly opened = Promise.withResolvers<void>();
  /** Resolves once deliveries can arrive. */
  readonly ready = this.opened.promise;
  private readonly kinds: readonly string[];
  private readonly woken = new Signal();
  private readonly running: Promise<void>;
  private closed = false;
  private readonly rejections = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);

  constructor(
    private readonly subscription: Subscription,
    private readonly handle: HandleBatch,
    private readonly settings: SubscriberSettings,
  ) {
    this.kinds = subscription.sources.map(kindOf);
    this.running = this.run();
  }

  async close(): Promise<void> {
    this.closed = true;
    this.woken.set();
    await this.running;
    this.opened.resolve();
  }

  private get service(): string {
    return this.subscription.service;
  }

  private async run(): Promise<void> {
    const away = new Backoff(FIRST_PAUSE_MS, LONGEST_AWAY_MS);
    let lost = false;
    while (!this.closed) {
      let session: Session | undefined;
      const since = Date.now();
      try {
        session = await this.settings.open(this.subscription);
        session.onNotification((channel, payload) => {
          if (channel !== LEFT || payload === this.service) this.woken.set();
        });
        await this.listen(session, [LEFT]);
        if (lost) this.settings.log.info({ service: this.service }, `${this.service} reads from PostgreSQL again`);
        await this.standByAndWork(session);
      } catch (error) {
        if (Date.now() - since > STEADY_MS) {
          lost = false;
          away.reset();
        }
        if (!lost) {
          const line = `${this.service} lost PostgreSQL and tries again: ${(error as Error).message}`;
          this.settings.log.warn({ service: this.service, error }, line);
        }
        lost = true;
      } finally {
        await session?.end();
      }
      if (lost && !this.closed) await this.woken.wait(away.next());
    }
  }

  private async listen(session: Session, channels: readonly string[]): Promise<void> {
    await session.query(channels.map((channel) => `listen ${channel};`).join(' '));
  }

  private async standByAndWork(session: Session): Promise<void> {
    const { service } = this;
    let taken = await takeLane(session, service);
    this.opened.resolve();
    if (!taken) this.settings.log.debug({ service }, `${service} stands by`);
    while (!taken) {
      await this.woken.wait(STAND_BY_MS);
      if (this.closed) return;
      taken = await takeLane(session, service);
    }
    const { position, oldest } = taken;
    this.settings.log.debug({ service, position }, `${service} reads from position ${position}`);
    // One that begins with the log has missed nothing.
    if (position > 0 && oldest > position + 1) {
      const line = `${service} goes on at position ${oldest}: it was away for so long that ${position + 1} to ${oldest - 1} were deleted unread`;
      this.settings.log.warn({ service, position, oldest }, line);
    }
    // A stand-by has no business with what is published.
    await this.listen(session, this.kinds.map(channelOf));
    await this.work(session, position);
    await leaveLane(session, service);
  }

  private async work(session: Session, from: number): Promise<void> {
    let cursor = { service: this.service, position: from };
    let readTo = from;
    /** The cursor is behind what is settled. */
    let behind = false;
    let handedOut = from;
    let followAt = Date.now() + FOLLOW_MS;
    while (!this.closed) {
      const next = await read(session, readTo, this.kinds, this.settings.maxBatch, behind ? cursor : undefined);
      if (behind) {
        cursor = { ...cursor, position: readTo };
        followAt = Date.now() + FOLLOW_MS;
        behind = false;
      }
      if (next.found.length > 0) {
        const found = next.found.map((delivery) => ({ ...delivery, redelivered: delivery.position <= handedOut }));
        handedOut = Math.max(handedOut, found.at(-1)?.position ?? 0);
        if (!(await this.isHandled(session, found))) continue;
      }
      readTo = next.readTo;
      behind = next.found.length > 0 || (readTo > cursor.position && Date.now() > followAt);
      if (!next.more) await this.woken.wait(behind ? MOVE_MS : this.settings.pollMs);
    }
    if (readTo > cursor.position) await move(session, cursor, readTo);
  }

  /** False, after a pause, when they were rejected. */
  private async isHandled(session: Session, found: readonly Positioned[]): Promise<boolean> {
    const heartbeat = startHeartbeat(() => stay(session, this.service), this.settings.heartbeatMs);
    try {
      await this.handle(found);
      this.rejections.reset();
      return true;
    } catch (error) {
      const pauseMs = Math.round(this.rejections.next());
      const line = `${this.service} rejected ${found.length} deliveries, which come again in ${pauseMs} ms: ${(error as Error).message}`;
      this.settings.log.warn({ service: this.service, error, from: found[0]?.origin }, line);
      const until = Date.now() + pauseMs;
      while (!this.closed && Date.now() < until) await this.woken.wait(until - Date.now());
      return false;
    } finally {
      heartbeat.stop();
    }
  }
}

/** The replica is heard of while a batch takes long; that its session is lost shows when the cursor is moved. */
function startHeartbeat(tell: () => Promise<void>, everyMs: number): { stop(): void } {
  const beat = () => {
    if (stopped) return;
    timer = setTimeout(() => void tell().then(beat, beat), everyMs);
  };
  let timer: NodeJS.Timeout;
  let stopped = false;
  beat();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
