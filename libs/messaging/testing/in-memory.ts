import { setTimeout as pause } from 'node:timers/promises';
import type {
  HandleBatch,
  OutgoingMessage,
  Publisher,
  Source,
  Subscriber,
  Subscription,
  Transport,
  TransportOptions,
} from '../src/index.js';
import { InMemoryStore, type Lane } from './in-memory-store.js';

/** A transport without a store outside of this process: for tests of a single service. */
export class InMemoryTransport implements Transport {
  readonly name = 'in-memory';
  readonly features = { sharedAmongReplicas: false, lanes: 1, durable: false };
  private readonly lanes: readonly Lane[];
  private readonly subscribers: InMemorySubscriber[] = [];

  /** Transports on one store exchange messages. */
  constructor(
    private readonly options: Pick<TransportOptions, 'topology' | 'maxBatch'>,
    private readonly store: InMemoryStore = new InMemoryStore(),
  ) {
    this.lanes = options.topology.map((subscription) => store.laneOf(subscription));
  }

  async publisher(): Promise<Publisher> {
    return new InMemoryPublisher(this.store);
  }

  async subscriber(): Promise<Subscriber> {
    const subscriber = new InMemorySubscriber(this.store, this.options.maxBatch);
    this.subscribers.push(subscriber);
    return subscriber;
  }

  async *history(sources: readonly Source[], from: Date) {
    const { maxBatch } = this.options;
    const all = this.store.since(sources, from);
    for (let at = 0; at < all.length; at += maxBatch) yield all.slice(at, at + maxBatch);
  }

  async createGroup(subscription: Subscription, from: Date): Promise<number> {
    return this.store.unsettled(this.store.newLane(subscription, from));
  }

  async backlog() {
    return this.lanes.map((lane) => ({ service: lane.subscription.service, messages: this.store.unsettled(lane) }));
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {}

  /** As if its process had been killed. */
  crash(): void {
    for (const subscriber of this.subscribers) subscriber.crash();
  }
}

class InMemoryPublisher implements Publisher {
  private closed = false;

  constructor(private readonly store: InMemoryStore) {}

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.closed) throw new Error('the publisher is closed');
    this.store.append(messages);
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

class InMemorySubscriber implements Subscriber {
  private readonly running: Promise<void>[] = [];
  private readonly left: Lane[] = [];
  private closed = false;

  constructor(
    private readonly store: InMemoryStore,
    private readonly maxBatch: number,
  ) {}

  async subscribe(subscription: Subscription, handle: HandleBatch): Promise<void> {
    const lane = this.store.laneOf(subscription);
    lane.enter(this);
    this.left.push(lane);
    this.running.push(this.work(lane, handle));
  }

  async close(): Promise<void> {
    this.closed = true;
    this.store.wake();
    await Promise.all(this.running);
    this.crash();
  }

  crash(): void {
    this.closed = true;
    for (const lane of this.left) lane.leave(this);
    this.store.wake();
  }

  private async work(lane: Lane, handle: HandleBatch): Promise<void> {
    while (!this.closed) {
      const { change } = this.store;
      const { batch, end } = this.store.next(lane, this.maxBatch);
      if (!lane.isActive(this) || batch.length === 0) {
        await change;
        continue;
      }
      try {
        await handle(batch);
        if (lane.isActive(this)) lane.position = end;
      } catch {
        await pause(20);
      }
    }
  }
}
