import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { setTimeout as pause } from 'node:timers/promises';
import { Backoff, type HandleBatch, type TransportLog } from '#libs/messaging';
import { closeChannel } from './close-channel.js';
import { fromAmqp } from './headers.js';
import type { Link } from './link.js';
import { RabbitRefused, explained } from './refusals.js';

const SLOW_MS = 15_000;
/** Each acknowledgement is an entry in the queue's log, so few orders at a time share them. What a crash leaves unacknowledged comes again, which the inbox expects. */
const ACKNOWLEDGED_WITHIN_MS = 100;

export interface LaneOptions {
  readonly service: string;
  readonly queue: string;
  readonly priority: number;
  readonly prefetch: number;
  readonly maxBatch: number;
  /** What came back unsettled so often is handed over as given up. */
  readonly deliveryLimit: number;
  readonly log: TransportLog;
  readonly handle: HandleBatch;
  /** Sets up missing queues again. */
  repair(connection: ChannelModel): Promise<void>;
}

/**
 * One queue, read in batches, one batch at a time. Nothing is ever handed back one by one: RabbitMQ would deliver what
 * follows first. A rejected batch stays here and is tried again; only the end of the channel gives back what it holds,
 * all of it, in order.
 */
export class Lane {
  private channel: Channel | undefined;
  private arrived: ConsumeMessage[] = [];
  private inHand = 0;
  /** Takes one more into the batch in hand; false where that does not wait any more. */
  private joins: ((message: ConsumeMessage) => boolean) | undefined;
  /** Handled and not acknowledged yet: how many, and the last of them. */
  private unacknowledged = 0;
  private lastUnacknowledged: ConsumeMessage | undefined;
  private acknowledging: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  /** Ends pauses: of one channel, and of all. */
  private interrupted = new AbortController();
  private readonly stopping = new AbortController();
  private readonly attached = Promise.withResolvers<void>();
  /** Why it is not attached at the moment. */
  private problem: string | undefined;
  private ended: Promise<void> | undefined;

  constructor(
    private readonly link: Link,
    private readonly options: LaneOptions,
  ) {}

  /** Resolves once deliveries can arrive; keeps them coming from then on. */
  start(): Promise<void> {
    this.ended = this.keepAttached();
    return this.attached.promise;
  }

  /** Deliveries that this replica has and has not settled. */
  get unsettled(): number {
    return this.arrived.length + this.inHand;
  }

  /** Begins no batch, waits for the running one, hands the rest back in order by ending the channel. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.interrupted.abort();
    await this.running;
    this.acknowledge();
    // Not `cancel`: another replica would get what follows before this one has given back what it holds.
    const closed = this.channel && closeChannel(this.channel).catch(() => {});
    await Promise.race([closed, pause(2_000, undefined, { ref: false })]);
  }

  /** Begins nothing and settles nothing any more. */
  abort(): void {
    this.stopping.abort();
    this.interrupted.abort();
    this.detach();
  }

  private async keepAttached(): Promise<void> {
    const backoff = new Backoff(50, 2_000);
    while (!this.stopping.signal.aborted) {
      try {
        await this.attach(() => backoff.reset());
      } catch (error) {
        this.note(explained(error, this.link.place));
      }
      await backoff.pause(this.stopping.signal);
    }
    this.attached.reject(new Error('this subscriber was closed'));
  }

  /** Resolves or rejects once it is not attached any more, or could not be; the queue is there then, if that could be seen to. */
  private async attach(sound: () => void): Promise<void> {
    const connection = await this.link.connection();
    try {
      await this.consume(connection, sound);
    } finally {
      if (!this.stopping.signal.aborted && this.link.isUp(connection)) await this.options.repair(connection);
    }
  }

  /** One line for each change, however often it is tried. What becomes of the connection, the link tells. */
  private note(problem: Error & { code?: number }): void {
    const { queue, log } = this.options;
    const isNew = this.problem !== problem.message;
    this.problem = problem.message;
    if (!isNew || this.stopping.signal.aborted) return;
    const fields = { event: 'lane_unattached', queue, error: problem.message };
    if (problem instanceof RabbitRefused) {
      log.error(fields, `not attached to ${queue}: ${problem.message}`);
      this.attached.reject(problem);
    } else if (problem.code === 404) log.warn(fields, `not attached to ${queue} (${problem.message}); trying again`);
    else log.debug(fields, 'attaching to the queue failed');
  }

  /** Resolves when the channel has ended or the queue is gone. */
  private async consume(connection: ChannelModel, sound: () => void): Promise<void> {
    const { queue, priority, prefetch, log } = this.options;
    const channel = await connection.createChannel();
    const ended = Promise.withResolvers<string>();
    let failure = 'the connection was lost';
    channel.on('error', (error) => (failure = error.message));
    channel.on('close', () => ended.resolve(failure));
    await channel.prefetch(prefetch);
    // What a former channel left running comes to its end first: one batch per lane.
    await this.running;
    if (this.stopping.signal.aborted) return;
    this.interrupted = new AbortController();
    this.channel = channel;
    try {
      const onMessage = (message: ConsumeMessage | null) =>
        message ? this.take(channel, message) : ended.resolve('the queue was deleted');
      await this.warnIfSlow(channel.consume(queue, onMessage, { priority }));
      this.attached.resolve();
      this.problem = undefined;
      const soundFor = setTimeout(sound, 5_000);
      const why = await ended.promise;
      clearTimeout(soundFor);
      if (this.stopping.signal.aborted) return;
      log.warn(
        { event: 'lane_detached', queue, reason: why },
        `no longer attached to ${queue} (${why}); attaching again`,
      );
    } finally {
      this.detach();
      this.interrupted.abort();
      // Ends it where the queue was deleted, and gives back what arrived meanwhile.
      await closeChannel(channel).catch(() => {});
    }
  }

  private async warnIfSlow(consuming: Promise<unknown>): Promise<void> {
    const { queue, log } = this.options;
    const hint = `${queue} does not answer; where this lasts, the broker has lost the queue's data: delete the queue, it is then set up anew`;
    const timer = setTimeout(() => log.error({ event: 'lane_silent', queue }, hint), SLOW_MS);
    await consuming.finally(() => clearTimeout(timer));
  }

  private take(channel: Channel, message: ConsumeMessage): void {
    if (channel !== this.channel) return;
    if (this.arrived.length > 0 || !this.joins?.(message)) this.arrived.push(message);
    this.running ??= this.drain(channel);
  }

  private async drain(channel: Channel): Promise<void> {
    // All that came with the same read from the socket gets into the first batch.
    await Promise.resolve();
    try {
      while (this.arrived.length > 0 && this.isCurrent(channel)) {
        const batch = this.arrived.splice(0, this.options.maxBatch);
        this.inHand = batch.length;
        if (await this.untilHandled(channel, batch)) this.settle(channel, batch);
      }
    } catch (error) {
      const { queue, log } = this.options;
      log.error({ event: 'lane_failed', queue, error: String(error) }, `${queue} could not be read: ${String(error)}`);
      void closeChannel(channel).catch(() => {});
    } finally {
      this.inHand = 0;
      this.running = undefined;
    }
  }

  /** False when it was given up, since the broker has the batch back or will get it. */
  private async untilHandled(channel: Channel, batch: ConsumeMessage[]): Promise<boolean> {
    const { queue, deliveryLimit, handle, log } = this.options;
    const backoff = new Backoff(50, 5_000);
    const read = (message: ConsumeMessage) => fromAmqp(message, queue, deliveryLimit);
    let deliveries = batch.map(read);
    for (;;) {
      try {
        await handle(deliveries, (join) => {
          this.joins = (message) => {
            if (!join(() => read(message))) return false;
            this.inHand = batch.push(message);
            return true;
          };
        });
        return true;
      } catch (error) {
        if (!this.isCurrent(channel)) return false;
        const fields = { event: 'batch_rejected', queue, messages: batch.length, error: String(error) };
        log.warn(
          fields,
          `${batch.length} deliveries of ${queue} were rejected and will be tried again: ${String(error)}`,
        );
      } finally {
        this.joins = undefined;
      }
      await backoff.pause(this.interrupted.signal);
      if (!this.isCurrent(channel)) return false;
      deliveries = batch.map((message) => ({ ...read(message), redelivered: true }));
    }
  }

  private settle(channel: Channel, batch: readonly ConsumeMessage[]): void {
    if (channel !== this.channel) return;
    this.unacknowledged += batch.length;
    this.lastUnacknowledged = batch.at(-1);
    // With many more of them, the broker would hold back what comes next.
    if (2 * this.unacknowledged >= this.options.prefetch) this.acknowledge();
    else this.acknowledging ??= setTimeout(() => this.acknowledge(), ACKNOWLEDGED_WITHIN_MS);
  }

  private acknowledge(): void {
    const last = this.lastUnacknowledged;
    this.forget();
    try {
      if (last) this.channel?.ack(last, true);
    } catch {
      // The channel has just ended: all of it comes again.
    }
  }

  /** Leaves what it holds to the broker. */
  private detach(): void {
    this.channel = undefined;
    this.arrived = [];
    this.forget();
  }

  private forget(): void {
    clearTimeout(this.acknowledging);
    this.acknowledging = undefined;
    this.unacknowledged = 0;
    this.lastUnacknowledged = undefined;
  }

  private isCurrent(channel: Channel): boolean {
    return channel === this.channel && !this.stopping.signal.aborted;
  }
}
