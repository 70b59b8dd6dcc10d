import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { randomUUID } from 'node:crypto';
import type { Delivery, Source } from '#libs/messaging';
import { closeChannel } from './close-channel.js';
import { fromAmqp } from './headers.js';
import { LOG } from './names.js';

/** What the stream hands out unsettled, and no more: it waits for whoever reads the history. */
const PREFETCH = 200;
/** Header of a message in the stream that is none: it says how far a reading goes. */
const END = 'farandole-end';
/** Of the offset of a message in the stream. */
const OFFSET = 'x-stream-offset';
/** The end is in the stream before reading begins, so something always comes. */
const SILENCE_MS = 30_000;

/** From where the stream is read: a time, to the second and a little before it, or an offset. */
export type Start = Date | number;

/** By its routing key a queue gets it; a foreign one may name any type in its headers. */
export interface Stored extends Delivery {
  readonly routingKey: string;
}

export interface Part {
  /** Of the sources asked for. */
  readonly deliveries: readonly Stored[];
  /** The offset that comes behind this part. */
  readonly next: number;
}

/**
 * Reads the stream on a channel of its own. Nobody but the broker knows which offset is the last at a moment, so an end mark is stored in the stream
 * once reading has begun, and reading goes up to it: whatever was stored before is told. The last part may be without deliveries.
 */
export async function* history(
  connection: ChannelModel,
  sources: readonly Source[],
  start: Start,
  maxBatch: number,
): AsyncGenerator<Part> {
  const channel = await connection.createConfirmChannel();
  const arrivals = new Arrivals(channel);
  try {
    await channel.prefetch(PREFETCH);
    // A number would be sent as the smallest kind of integer that holds it, and is taken in any of them.
    const offset = start instanceof Date ? { '!': 'timestamp', value: secondsOf(start) } : start;
    await channel.consume(LOG, (message) => arrivals.take(message), { arguments: { [OFFSET]: offset } });
    const mark = randomUUID();
    channel.sendToQueue(LOG, Buffer.alloc(0), { persistent: true, headers: { [END]: mark } });
    // As queues are bound: messages of others may name any topic, and another type in their headers.
    const types = new Set(sources.map(({ type }) => type));
    for (let ended = false; !ended;) {
      const messages = await arrivals.next(maxBatch);
      const end = messages.findIndex(({ properties }) => properties.headers?.[END] === mark);
      ended = end >= 0;
      const told = ended ? messages.slice(0, end) : messages;
      const deliveries = told
        .filter(({ fields }) => types.has(fields.routingKey))
        .map((message) => ({
          ...fromAmqp(message, LOG),
          redelivered: false,
          origin: `${LOG} @${offsetOf(message)}`,
          routingKey: message.fields.routingKey,
        }));
      const last = ended ? messages[end] : messages.at(-1);
      if (deliveries.length > 0 || ended) yield { deliveries, next: offsetOf(last) + 1 };
      // Only now, so that no more comes than is wanted.
      channel.ack(messages.at(-1) as ConsumeMessage, true);
    }
  } finally {
    await closeChannel(channel).catch(() => {});
  }
}

function secondsOf(time: Date): number {
  return Math.max(0, Math.floor(time.getTime() / 1_000));
}

function offsetOf(message: ConsumeMessage | undefined): number {
  return Number(message?.properties.headers?.[OFFSET] ?? 0);
}

/** What the broker pushes, to be pulled. */
class Arrivals {
  private waiting: ConsumeMessage[] = [];
  private arrived = Promise.withResolvers<void>();
  private failure: Error | undefined;

  constructor(channel: Channel) {
    this.arrived.promise.catch(() => {});
    channel.on('error', (error: Error) => this.fail(error));
    channel.on('close', () => this.fail(new Error(`the connection was lost while ${LOG} was read`)));
  }

  take(message: ConsumeMessage | null): void {
    if (!message) return this.fail(new Error(`${LOG} was deleted while it was read`));
    this.waiting.push(message);
    this.arrived.resolve();
  }

  /** At least one, at most as many as asked for. Rejects when the channel ends. */
  async next(most: number): Promise<ConsumeMessage[]> {
    if (this.waiting.length === 0) {
      this.arrived = Promise.withResolvers();
      const silent = setTimeout(() => this.fail(new Error(`${LOG} gave nothing for ${SILENCE_MS} ms`)), SILENCE_MS);
      if (this.failure) this.arrived.reject(this.failure);
      await this.arrived.promise.finally(() => clearTimeout(silent));
    }
    if (this.failure) throw this.failure;
    return this.waiting.splice(0, most);
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.arrived.promise.catch(() => {});
    this.arrived.reject(this.failure);
  }
}
