import { randomUUID } from 'node:crypto';
import type { EachBatchPayload } from 'kafkajs';
import type { Delivery, Source, TransportLog } from '#libs/messaging';
import type { AdminConnection } from './admin.js';
import { Client } from './client.js';
import { fromKafka } from './message.js';
import { positionsSince, type Span } from './offsets.js';
import type { ResolvedSettings } from './settings.js';

/** Nothing read for so long, though there is something to read: the broker is gone. */
const SILENCE_MS = 30_000;

export interface Reading {
  readonly settings: ResolvedSettings;
  readonly admin: AdminConnection;
  readonly instance: string;
  readonly log: TransportLog;
  readonly maxBatch: number;
}

/**
 * From the offsets of a time up to those of when reading began. kafkajs reads in a group or not at all: in one of its own, which commits nothing
 * and is deleted at the end.
 */
export async function* history(
  sources: readonly Source[],
  from: Date,
  reading: Reading,
): AsyncGenerator<readonly Delivery[]> {
  const topics = [...new Set(sources.map(({ topic }) => topic))];
  const spans = await reading.admin.ask((admin) => positionsSince(admin, topics, from), 15_000);
  const open = new Map(spans.filter(({ first, end }) => first < end).map((span) => [nameOf(span), span]));
  if (open.size === 0) return;
  const kinds = new Set(sources.map(({ topic, type }) => `${topic} ${type}`));
  const groupId = `farandole-history-${randomUUID()}`;
  const client = new Client(reading.settings, `${reading.instance} history`, reading.log);
  const handover = new Handover();
  const consumer = client.kafka.consumer({ groupId, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
  try {
    await consumer.connect();
    await consumer.subscribe({
      topics: [...new Set([...open.values()].map(({ topic }) => topic))],
      fromBeginning: true,
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => handover.fail(payload.error));
    const take = async (payload: EachBatchPayload) => {
      const { topic, partition, messages } = payload.batch;
      const span = open.get(nameOf({ topic, partition }));
      if (!span) return payload.resolveOffset(payload.batch.lastOffset());
      const told = messages
        .filter(({ offset }) => BigInt(offset) >= span.first && BigInt(offset) < span.end)
        .flatMap((message) => fromKafka(topic, partition, message) ?? [])
        .filter((delivery) => kinds.has(`${delivery.topic} ${delivery.type}`));
      for (let at = 0; at < told.length; at += reading.maxBatch) {
        await handover.give(told.slice(at, at + reading.maxBatch), payload.heartbeat);
      }
      payload.resolveOffset(payload.batch.lastOffset());
      if (BigInt(payload.batch.lastOffset()) >= span.end - 1n) open.delete(nameOf(span));
      handover.sign();
      if (open.size === 0) handover.end();
    };
    const running = consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: take });
    // Before the first read, not after it.
    for (const { topic, partition, first } of open.values()) consumer.seek({ topic, partition, offset: String(first) });
    await running;
    for (let batch = await handover.next(); batch; batch = await handover.next()) yield batch;
  } catch (error) {
    throw new Error(`Kafka: the history cannot be read on: ${client.reason(error)}`, { cause: error });
  } finally {
    handover.leave();
    await client.end(() => consumer.disconnect(), 5_000);
    await reading.admin.ask((admin) => admin.deleteGroups([groupId])).catch(() => {});
  }
}

function nameOf({ topic, partition }: Pick<Span, 'topic' | 'partition'>): string {
  return `${topic}[${partition}]`;
}

/** kafkajs pushes, whoever reads the history pulls: one batch at a time, and the group hears of us meanwhile. */
class Handover {
  private offered: { batch: readonly Delivery[]; taken: () => void } | undefined;
  private inHand: (() => void) | undefined;
  private change = Promise.withResolvers<void>();
  private failure: Error | undefined;
  private ended = false;
  private left = false;
  private lastSign = Date.now();

  /** Resolves once the batch has been worked off and the next one is asked for. */
  async give(batch: readonly Delivery[], heartbeat: () => Promise<void>): Promise<void> {
    if (this.left) return;
    const taken = Promise.withResolvers<void>();
    this.offered = { batch, taken: taken.resolve };
    this.changed();
    const beating = setInterval(() => void heartbeat().catch(() => {}), 1_000);
    await taken.promise.finally(() => clearInterval(beating));
    this.sign();
  }

  /** Undefined at the end. Rejects when the consumer was lost, or nothing comes. */
  async next(): Promise<readonly Delivery[] | undefined> {
    this.inHand?.();
    this.inHand = undefined;
    this.sign();
    for (;;) {
      if (this.failure) throw this.failure;
      if (this.offered) {
        const { batch, taken } = this.offered;
        this.offered = undefined;
        this.inHand = taken;
        return batch;
      }
      if (this.ended) return undefined;
      if (Date.now() - this.lastSign > SILENCE_MS) throw new Error(`nothing came for ${SILENCE_MS} ms`);
      const looking = setTimeout(() => this.changed(), 1_000);
      await this.change.promise.finally(() => clearTimeout(looking));
    }
  }

  sign(): void {
    this.lastSign = Date.now();
  }

  end(): void {
    this.ended = true;
    this.changed();
  }

  fail(error: Error): void {
    this.failure ??= error;
    this.changed();
  }

  /** Nobody pulls any more. */
  leave(): void {
    this.left = true;
    this.inHand?.();
    this.offered?.taken();
  }

  private changed(): void {
    this.change.resolve();
    this.change = Promise.withResolvers();
  }
}
