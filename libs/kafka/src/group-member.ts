import { setTimeout as elapsed } from 'node:timers/promises';
import type { Broker, Consumer, EachBatchPayload, KafkaMessage, OffsetsByTopicPartition } from 'kafkajs';
import type { HandleBatch, Subscription, TransportLog } from '#libs/messaging';
import type { Client } from './client.js';
import { coPartitioned } from './co-partitioning.js';
import { Commits } from './commits.js';
import { Epoch } from './epoch.js';
import type { Fetched } from './lane.js';
import { fromKafka } from './message.js';
import { Positions } from './positions.js';
import type { ResolvedSettings } from './settings.js';
import { pause } from './waiting.js';

export interface MemberOptions {
  readonly settings: ResolvedSettings;
  readonly subscription: Subscription;
  readonly maxBatch: number;
  readonly handle: HandleBatch;
  readonly log: TransportLog;
  /** Called each time it has joined the group and reads. */
  readonly joined: (partitions: Readonly<Record<string, readonly number[]>>) => void;
}

/** Reading goes on after this time, should what was read last not be settled before: by then that piles up, or is slow. */
const READ_PACE_MS = 40;

type Heartbeat = (request: { groupId: string; memberId: string; groupGenerationId: number }) => Promise<unknown>;

/**
 * One kafkajs consumer, from joining to its crash or `leave`. kafkajs only reads: it waits with the next read until all of a broker's
 * partitions are through with the last one, so handling to the end within `eachBatch` would let one slow batch hold up every partition, and its heartbeats.
 */
export class GroupMember {
  /** Rejects when the consumer is of no use any more; never resolves. */
  readonly crashed: Promise<never>;
  private readonly consumer: Consumer;
  private readonly types: Set<string>;
  private crash!: (reason: unknown) => void;
  private readonly positions = new Positions();
  /** Absent until the group has been joined, and while it is being joined again. */
  private epoch: Epoch | undefined;
  private generation: { memberId: string; groupGenerationId: number } | undefined;
  private commitOffsets: EachBatchPayload['commitOffsetsIfNecessary'] | undefined;
  private leaving = false;
  private lastSign = Date.now();
  private readonly watchdog: NodeJS.Timeout;

  constructor(
    client: Client,
    private readonly options: MemberOptions,
    /** What may still be running of members and epochs before. */
    private previous: Promise<void>,
  ) {
    const { settings, subscription } = options;
    this.types = new Set(subscription.sources.map(({ topic, type }) => `${topic} ${type}`));
    this.crashed = new Promise((_, reject) => (this.crash = reject));
    this.crashed.catch(() => {});
    this.consumer = client.kafka.consumer({
      groupId: subscription.service,
      partitionAssigners: [coPartitioned((coordinator) => this.finishBeforeJoining(coordinator))],
      sessionTimeout: settings.sessionTimeoutMs,
      heartbeatInterval: settings.heartbeatMs,
      rebalanceTimeout: settings.rebalanceTimeoutMs,
      maxWaitTimeInMs: 100,
      minBytes: 1,
      // Compressed: a few megabytes once unpacked.
      maxBytesPerPartition: 256 * 1_024,
      allowAutoTopicCreation: false,
      retry: { restartOnFailure: async () => false },
    });
    this.listen();
    const silence = settings.rebalanceTimeoutMs + 3 * settings.sessionTimeoutMs;
    this.watchdog = setInterval(() => {
      if (Date.now() - this.lastSign > silence)
        this.crash(new Error(`the consumer has done nothing for ${silence} ms`));
    }, 5_000).unref();
  }

  /** Resolves once kafkajs runs; whether it gets to read shows in `joined` and `crashed`. */
  async start(): Promise<void> {
    await this.consumer.connect();
    const topics = [...new Set(this.options.subscription.sources.map(({ topic }) => topic))];
    await this.consumer.subscribe({ topics, fromBeginning: true });
    await this.consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // All that one answer can be of: none waits for another.
      partitionsConsumedConcurrently: topics.length * this.options.settings.partitions,
      eachBatch: (payload) => this.take(payload),
    });
  }

  /** Starts no further batch; resolves once none is running and what they settled is committed. */
  async finish(): Promise<void> {
    this.leaving = true;
    this.pauseAll();
    await Promise.all([this.epoch?.finish(), this.previous]);
  }

  /** Leaves the group; call `finish` first. */
  async leave(): Promise<void> {
    clearInterval(this.watchdog);
    await this.consumer.disconnect();
  }

  /** For one that crashed: nothing can be committed any more. Resolves once no batch is running. */
  async abandon(): Promise<void> {
    clearInterval(this.watchdog);
    this.leaving = true;
    await Promise.all([this.epoch?.abandon(), this.previous]);
  }

  private listen(): void {
    const { events } = this.consumer;
    const sign = () => (this.lastSign = Date.now());
    // What kafkajs does without having joined leads nowhere.
    const signOfMember = () => this.epoch?.ended === false && sign();
    this.consumer.on(events.FETCH, signOfMember);
    this.consumer.on(events.HEARTBEAT, ({ payload }) => {
      signOfMember();
      this.generation = { memberId: payload.memberId, groupGenerationId: payload.groupGenerationId };
    });
    this.consumer.on(events.GROUP_JOIN, ({ payload }) => {
      sign();
      this.positions.joined(new Set(partitionsOf(payload.memberAssignment)));
      this.resumeAll();
      // The fetchers of two brokers may join one after the other, without waiting for what was begun in between.
      if (this.epoch) this.previous = Promise.all([this.previous, this.epoch.abandon()]).then(() => {});
      this.epoch = this.newEpoch();
      this.options.joined(payload.memberAssignment);
    });
    this.consumer.on(events.CRASH, ({ payload }) => this.crash(payload.error));
  }

  private async take({ batch, resolveOffset, commitOffsetsIfNecessary }: EachBatchPayload): Promise<void> {
    // What is not taken is read again.
    if (!this.epoch || this.leaving) return;
    this.commitOffsets = commitOffsetsIfNecessary;
    const { topic, partition } = batch;
    const { fetchedOffset } = batch as unknown as { fetchedOffset: string };
    const checked = this.positions.check(`${topic}/${partition}`, BigInt(fetchedOffset));
    if ('readFrom' in checked) {
      return this.consumer.seek({ topic, partition, offset: String(checked.readFrom) });
    }
    const fresh = batch.messages.filter(({ offset }) => BigInt(offset) >= checked.takeFrom);
    const settled = this.epoch.push(
      partition,
      fresh.map((message) => this.fetched(topic, partition, message)),
    );
    // Not the end of this answer, but what has to come next: kafkajs may have been thrown back by a broker that lags behind.
    resolveOffset(String(this.positions.taken(`${topic}/${partition}`, BigInt(batch.lastOffset())) - 1n));
    if (this.epoch.isFull(partition)) this.consumer.pause([{ topic, partitions: [partition] }]);
    // What comes meanwhile is read together.
    await Promise.race([settled, elapsed(READ_PACE_MS)]);
  }

  private fetched(topic: string, partition: number, message: KafkaMessage): Fetched {
    const delivery = fromKafka(topic, partition, message);
    const wanted = delivery && this.types.has(`${topic} ${delivery.type}`) ? delivery : undefined;
    return { topic, partition, offset: message.offset, size: message.value?.length ?? 0, delivery: wanted };
  }

  /** The group waits until this resolves, so that nobody gets a partition of which a batch is running here. */
  private async finishBeforeJoining(coordinator: Broker): Promise<void> {
    const finished = new AbortController();
    const beating = this.keepBeating(coordinator, finished.signal);
    const { epoch } = this;
    await Promise.all([this.previous, epoch?.finish()]);
    if (!this.leaving && this.epoch === epoch) this.epoch = undefined;
    finished.abort();
    await beating;
  }

  private async keepBeating(coordinator: Broker, finished: AbortSignal): Promise<void> {
    const { heartbeat } = coordinator as unknown as { heartbeat: Heartbeat };
    const { settings, subscription } = this.options;
    for (;;) {
      await pause(settings.heartbeatMs, finished);
      if (finished.aborted) return;
      this.lastSign = Date.now();
      // It is answered with "rebalance in progress", which is known; what matters is that it was heard.
      if (this.generation)
        await heartbeat.call(coordinator, { groupId: subscription.service, ...this.generation }).catch(() => {});
    }
  }

  private newEpoch(): Epoch {
    const commit = async (offsets: OffsetsByTopicPartition) => this.commitOffsets?.(offsets);
    const resume = (partition: number) => this.resume(partition);
    return new Epoch(this.options, new Commits(commit), this.positions, resume, this.previous);
  }

  private resume(partition: number): void {
    if (this.leaving) return;
    const paused = this.consumer.paused().filter(({ partitions }) => partitions.includes(partition));
    if (paused.length > 0) this.consumer.resume(paused.map(({ topic }) => ({ topic, partitions: [partition] })));
  }

  private pauseAll(): void {
    const topics = new Set(this.options.subscription.sources.map(({ topic }) => topic));
    try {
      this.consumer.pause([...topics].map((topic) => ({ topic })));
    } catch {
      // Not running: nothing is read anyway.
    }
  }

  private resumeAll(): void {
    const paused = this.consumer.paused();
    if (paused.length > 0 && !this.leaving) this.consumer.resume(paused);
  }
}

function partitionsOf(assignment: Readonly<Record<string, readonly number[]>>): string[] {
  return Object.entries(assignment).flatMap(([topic, numbers]) => numbers.map((number) => `${topic}/${number}`));
}
