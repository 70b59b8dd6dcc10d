import { metrics, ValueType, type Counter, type Histogram } from '@opentelemetry/api';
import { Postponed } from './errors.js';

/* Names by the OpenTelemetry semantic conventions for messaging where these have one; ours begin with `farandole.`. */

const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const BATCH = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/** What became of a message that was handed over. */
export type Handled = 'processed' | 'duplicate' | 'retry' | 'postponed' | 'waiting' | 'dead_lettered';

interface Message {
  readonly type: string;
  readonly topic: string;
}

/** Counts and durations of messaging. Labels are types and services, never ids. Make it after the meter provider is registered. */
export class MessagingMetrics {
  private readonly sent: Counter;
  private readonly consumed: Counter;
  private readonly redelivered: Counter;
  private readonly commandAttempts: Counter;
  private readonly lettersReplayed: Counter;
  private readonly processDuration: Histogram;
  private readonly operationDuration: Histogram;
  private readonly latency: Histogram;
  private readonly batchSize: Histogram;

  constructor(
    private readonly system: string,
    private readonly service: string,
  ) {
    const meter = metrics.getMeter('farandole.messaging');
    const seconds = (name: string, description: string) =>
      meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: SECONDS } });
    const count = (name: string, description: string) =>
      meter.createCounter(name, { description, unit: '{message}', valueType: ValueType.INT });
    this.sent = count(
      'messaging.client.sent.messages',
      'Messages that the broker confirmed, or that it refused (error.type)',
    );
    this.consumed = count('messaging.client.consumed.messages', 'Messages handed over, by what became of them');
    this.redelivered = count('farandole.redelivered.messages', 'Messages that the broker handed out before');
    this.commandAttempts = count('farandole.command.attempts', 'Commands taken up, by what became of them');
    this.lettersReplayed = count('farandole.dead_letters.replayed', 'Dead letters handed over again, by outcome');
    this.processDuration = seconds('messaging.process.duration', 'Time a reaction or command took');
    this.operationDuration = seconds(
      'messaging.client.operation.duration',
      'Time until the broker confirmed a publish',
    );
    this.latency = seconds('farandole.end_to_end.latency', 'Time from stated to processed, by both machines’ clocks');
    this.batchSize = meter.createHistogram('farandole.batch.size', {
      description: 'Messages handled in one transaction',
      unit: '{message}',
      advice: { explicitBucketBoundaries: BATCH },
    });
  }

  /** Runs a publish and records what it confirmed or not. */
  async published(messages: readonly Message[], publish: () => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    const record = (failure: object) => {
      for (const message of messages)
        this.sent.add(1, { ...this.of(message), 'messaging.operation.name': 'publish', ...failure });
      this.operationDuration.record(secondsSince(startedAt), {
        'messaging.system': this.system,
        'messaging.operation.name': 'publish',
        ...failure,
      });
    };
    try {
      await publish();
      record({});
    } catch (error) {
      record(failureOf(error));
      throw error;
    }
  }

  batch(size: number): void {
    this.batchSize.record(size, { 'messaging.consumer.group.name': this.service });
  }

  handled(message: Message & { readonly time: string }, outcome: Handled, redelivered = false): void {
    const labels = { ...this.of(message), 'messaging.consumer.group.name': this.service };
    this.consumed.add(1, { ...labels, outcome });
    if (redelivered) this.redelivered.add(1, labels);
    if (outcome === 'processed') this.latency.record(Math.max(0, Date.now() - Date.parse(message.time)) / 1000, labels);
  }

  /** Runs a reaction or command and records how long it took and whether it failed; one that was postponed did not run. */
  async timed<T>(type: string, work: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const record = (failure: object) =>
      this.processDuration.record(secondsSince(startedAt), {
        'messaging.consumer.group.name': this.service,
        'farandole.message.type': type,
        ...failure,
      });
    try {
      const result = await work();
      record({});
      return result;
    } catch (error) {
      if (!(error instanceof Postponed)) record(failureOf(error));
      throw error;
    }
  }

  command(type: string, outcome: 'done' | 'retry' | 'postponed' | 'dead_lettered'): void {
    this.commandAttempts.add(1, { 'farandole.message.type': type, outcome });
  }

  deadLetterReplayed(type: string, outcome: 'replayed' | 'failed'): void {
    this.lettersReplayed.add(1, { 'farandole.message.type': type, outcome });
  }

  private of({ type, topic }: Message) {
    return { 'messaging.system': this.system, 'messaging.destination.name': topic, 'farandole.message.type': type };
  }
}

function failureOf(error: unknown) {
  return { 'error.type': error instanceof Error ? error.name : 'unknown' };
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}
