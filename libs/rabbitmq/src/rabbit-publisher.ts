import type { ChannelModel, ConfirmChannel } from 'amqplib';
import { Backoff, type OutgoingMessage, type Publisher, type TransportLog } from '#libs/messaging';
import { sentId, toAmqp } from './headers.js';
import type { Link } from './link.js';
import { EVENTS } from './names.js';
import { RabbitRefused } from './refusals.js';
import type { Settings } from './settings.js';

/** The broker did not confirm: any of the messages may have been stored all the same. */
export class NotConfirmed extends Error {
  override readonly name = 'NotConfirmed';
}

/** One call of `publish`. */
interface Job {
  readonly messages: readonly OutgoingMessage[];
  readonly onConfirm: (error: Error | null) => void;
  /** When the last message of it was sent, or when it came. */
  touched: number;
  sent: number;
  confirmed: number;
  resolve(): void;
  reject(error: Error): void;
}

/**
 * Publisher confirms in a sliding window, on one channel: what is sent is stored in that order, or a part of it from
 * the front. Where one job fails, those not yet sent fail with it, so that none gets ahead of its predecessor's retry.
 */
export class RabbitPublisher implements Publisher {
  private readonly outstanding = new Set<Job>();
  private waiting: Job[] = [];
  private unconfirmed = 0;
  /** When the last confirm came. */
  private progress = 0;
  private channel: ConfirmChannel | undefined;
  private blocked: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private emptied: (() => void) | undefined;
  private readonly closing = new AbortController();

  constructor(
    private readonly link: Link,
    private readonly settings: Settings,
    private readonly log: TransportLog,
  ) {
    void this.serve();
  }

  publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.closing.signal.aborted) return Promise.reject(new Error('this publisher is closed'));
    const large = messages.find(({ body }) => body.length > this.settings.maxMessageBytes);
    if (large) return Promise.reject(tooLarge(large, this.settings.maxMessageBytes));
    if (messages.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const job: Job = {
        messages,
        onConfirm: (error) => this.confirm(job, error),
        touched: Date.now(),
        sent: 0,
        confirmed: 0,
        resolve,
        reject,
      };
      this.outstanding.add(job);
      this.waiting.push(job);
      this.watch();
      this.send();
    });
  }

  /** Waits for what is being published, as long as there is a connection to wait for. */
  async close(): Promise<void> {
    this.closing.abort();
    if (this.channel && this.outstanding.size > 0) await new Promise<void>((resolve) => (this.emptied = resolve));
    this.failAll(new NotConfirmed('the publisher was closed before the broker confirmed'));
    await this.link.close();
  }

  abort(): void {
    this.closing.abort();
    this.link.abort();
    this.failAll(new NotConfirmed('the publisher was aborted'));
  }

  private async serve(): Promise<void> {
    const backoff = new Backoff(50, 2_000);
    while (!this.closing.signal.aborted) {
      try {
        const connection = await this.link.connection();
        await this.useChannel(connection, () => backoff.reset());
      } catch (error) {
        if (error instanceof RabbitRefused) this.failAll(error);
      }
      await backoff.pause(this.closing.signal);
    }
  }

  /** Resolves when the channel has ended. */
  private async useChannel(connection: ChannelModel, opened: () => void): Promise<void> {
    const channel = await connection.createConfirmChannel();
    let failure = 'the connection was lost';
    const ended = Promise.withResolvers<void>();
    channel.on('error', (error) => (failure = error.message));
    channel.on('close', () => ended.resolve());
    channel.on('return', ({ properties }) => this.returned(sentId(properties)));
    connection.on('blocked', (reason) => this.block(reason));
    connection.on('unblocked', () => this.unblock());
    this.unconfirmed = 0;
    this.channel = channel;
    this.send();
    const soundFor = setTimeout(opened, 5_000);
    await ended.promise;
    clearTimeout(soundFor);
    this.channel = undefined;
    this.blocked = undefined;
    this.failAll(new NotConfirmed(`RabbitMQ at ${this.link.place} did not confirm: ${failure}`));
    // A channel that ends alone has usually lost its exchange: a new connection sets up everything again.
    this.link.drop(failure);
  }

  private send(): void {
    const { channel, waiting } = this;
    const now = Date.now();
    while (channel && this.blocked === undefined) {
      const [job] = waiting;
      if (!job) return;
      while (job.sent < job.messages.length) {
        if (this.unconfirmed >= this.settings.maxUnconfirmed) return;
        const message = job.messages[job.sent] as OutgoingMessage;
        try {
          channel.publish(EVENTS, message.type, message.body, toAmqp(message), job.onConfirm);
        } catch (error) {
          return this.fail(job, error as Error);
        }
        job.sent++;
        job.touched = now;
        this.unconfirmed++;
      }
      waiting.shift();
    }
  }

  private confirm(job: Job, error: Error | null): void {
    if (!this.channel) return;
    this.unconfirmed--;
    this.progress = Date.now();
    if (error && error.message !== 'channel closed') {
      this.fail(job, new NotConfirmed(`RabbitMQ at ${this.link.place} refused a message: ${error.message}`));
    } else if (!error && ++job.confirmed === job.messages.length && this.outstanding.delete(job)) {
      job.resolve();
      this.noteEmpty();
    }
    if (this.waiting.length > 0) this.send();
  }

  /** `mandatory`: comes before the confirm of the same message. */
  private returned(id: string): void {
    const job = [...this.outstanding].find(({ messages }) => messages.some((message) => message.id === id));
    if (job)
      this.fail(
        job,
        new NotConfirmed(`no queue takes message ${id}, not even events.log; setting up all queues again`),
      );
    setImmediate(() => this.link.drop('queues are missing'));
  }

  private fail(job: Job, error: Error): void {
    const unsent = this.waiting.filter((other) => other !== job);
    this.waiting = [];
    for (const failed of [job, ...unsent]) if (this.outstanding.delete(failed)) failed.reject(error);
    this.noteEmpty();
  }

  private failAll(error: Error): void {
    const all = [...this.outstanding];
    this.outstanding.clear();
    this.waiting = [];
    for (const job of all) job.reject(error);
    this.noteEmpty();
  }

  private watch(): void {
    if (this.timer || this.outstanding.size === 0) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.expire();
      this.watch();
    }, this.settings.publishTimeoutMs / 20);
  }

  /** The time runs from when a job was sent; until then it waits as long as the broker confirms others. */
  private expire(): void {
    const latest = Date.now() - this.settings.publishTimeoutMs;
    const late = [...this.outstanding].filter(
      (job) => job.touched <= latest && (job.sent > 0 || this.progress <= latest),
    );
    if (late.length === 0) return;
    const error = new NotConfirmed(
      `RabbitMQ at ${this.link.place} did not confirm within ${this.settings.publishTimeoutMs} ms: ${this.reason()}`,
    );
    const sent = late.some((job) => job.sent > 0);
    for (const job of late) this.fail(job, error);
    // What is stuck in a blocked connection is stored once it is unblocked; anything else is stuck for good.
    if (sent && this.channel && this.blocked === undefined) this.link.drop('confirms are missing');
  }

  private reason(): string {
    if (this.blocked !== undefined) return `it accepts no messages (${this.blocked})`;
    return this.channel ? 'confirms are missing' : `not connected (${this.link.problem?.message ?? 'connecting'})`;
  }

  private block(reason: string): void {
    this.blocked = reason;
    this.log.warn(
      { event: 'broker_blocked', broker: this.link.place, reason },
      `RabbitMQ at ${this.link.place} accepts no messages for now: ${reason}`,
    );
  }

  private unblock(): void {
    this.blocked = undefined;
    this.log.info(
      { event: 'broker_unblocked', broker: this.link.place },
      `RabbitMQ at ${this.link.place} accepts messages again`,
    );
    this.send();
  }

  private noteEmpty(): void {
    if (this.outstanding.size === 0) this.emptied?.();
  }
}

function tooLarge({ id, type, body }: OutgoingMessage, limit: number): Error {
  return new Error(`message ${id} (${type}) has ${body.length} bytes; RabbitMQ takes ${limit} at most`);
}
