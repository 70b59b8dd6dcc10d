import { expect } from 'vitest';
import type { Delivery, OutgoingMessage } from '../src/index.js';
import { eventually } from './eventually.js';

type Batch = readonly Delivery[];
/** What a replica does with a batch; rejects to have it delivered again. */
export type Work = (batch: Batch) => Promise<void>;

/** Notes what one service got, in all its replicas, and what broke the promises of the port. */
export class Recorder {
  /** Batches in the order in which they were handed over. */
  readonly batches: Batch[] = [];
  /** Deliveries in the order in which their batches resolved. */
  readonly settled: Delivery[] = [];
  readonly overlaps: string[] = [];
  private readonly running = new Set<Batch>();
  private readonly settledIds = new Set<string>();

  constructor(private readonly work: Work = async () => {}) {}

  async handle(batch: Batch, replica: string, killed: Promise<never>): Promise<void> {
    this.noteOverlaps(batch, replica);
    this.batches.push(batch);
    this.running.add(batch);
    try {
      await Promise.race([this.work(batch), killed]);
      for (const delivery of batch) this.settledIds.add(delivery.id);
      this.settled.push(...batch);
    } finally {
      this.running.delete(batch);
    }
  }

  get seen(): Delivery[] {
    return this.batches.flat();
  }

  missing(published: readonly OutgoingMessage[]): OutgoingMessage[] {
    return published.filter((message) => !this.settledIds.has(message.id));
  }

  /** Waits until every message has been settled at least once. */
  async got(published: readonly OutgoingMessage[], withinMs?: number): Promise<void> {
    const told = () => `${this.missing(published).length} of ${published.length} messages are missing`;
    await eventually(() => this.missing(published).length === 0, told, withinMs);
  }

  expectOnce(published: readonly OutgoingMessage[]): void {
    expect(this.seen.map((delivery) => delivery.id).toSorted()).toEqual(
      published.map((message) => message.id).toSorted(),
    );
  }

  /** Each message's first settled delivery comes in the order in which its key was published, and no key ran twice at once. */
  expectOrder(published: readonly OutgoingMessage[]): void {
    expect(this.overlaps).toEqual([]);
    const of = Map.groupBy(firstOfEach(this.settled), (delivery) => delivery.key);
    for (const [key, messages] of Map.groupBy(published, (message) => message.key)) {
      const got = (of.get(key) ?? []).map((delivery) => delivery.id);
      expect(got, `order of key ${key}`).toEqual(messages.map((message) => message.id));
    }
  }

  /** A key may be in two running batches only when the later one begins with a redelivery of the earlier one's. */
  private noteOverlaps(batch: Batch, replica: string): void {
    const heads = new Map(batch.toReversed().map((delivery) => [delivery.key, delivery.id]));
    for (const other of this.running) {
      const ids = new Set(other.map((delivery) => delivery.id));
      for (const key of new Set(other.map((delivery) => delivery.key))) {
        const head = heads.get(key);
        if (head && !ids.has(head))
          this.overlaps.push(`key ${key} ran in two batches at once, the later in ${replica}`);
      }
    }
  }
}

function firstOfEach(deliveries: readonly Delivery[]): Delivery[] {
  const seen = new Set<string>();
  return deliveries.filter((delivery) => !seen.has(delivery.id) && seen.add(delivery.id));
}
