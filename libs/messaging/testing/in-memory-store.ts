import { GroupExists, type Delivery, type OutgoingMessage, type Source, type Subscription } from '../src/index.js';

/** What one service has settled so far, and who works for it. */
export class Lane {
  /** Index of the first message in the log that is not settled. */
  position = 0;
  private readonly queue: object[] = [];

  constructor(readonly subscription: Subscription) {}

  enter(replica: object): void {
    this.queue.push(replica);
  }

  leave(replica: object): void {
    const index = this.queue.indexOf(replica);
    if (index >= 0) this.queue.splice(index, 1);
  }

  /** One replica works, the others stand by in the order in which they came. */
  isActive(replica: object): boolean {
    return this.queue[0] === replica;
  }
}

/** A log in this process, shared by the transports that are given the same one. */
export class InMemoryStore {
  private readonly log: OutgoingMessage[] = [];
  private readonly storedAt: number[] = [];
  private readonly lanes = new Map<string, Lane>();
  private changed = Promise.withResolvers<void>();

  append(messages: readonly OutgoingMessage[]): void {
    this.log.push(...messages);
    this.storedAt.push(...messages.map(() => Date.now()));
    this.wake();
  }

  laneOf(subscription: Subscription): Lane {
    const lane = this.lanes.get(subscription.service) ?? new Lane(subscription);
    this.lanes.set(subscription.service, lane);
    return lane;
  }

  /** A lane that begins at a time. @throws GroupExists */
  newLane(subscription: Subscription, from: Date): Lane {
    if (this.lanes.has(subscription.service)) throw new GroupExists(subscription.service);
    const lane = this.laneOf(subscription);
    lane.position = this.positionAt(from);
    return lane;
  }

  /** What was stored from a time on. */
  since(sources: readonly Source[], from: Date): Delivery[] {
    const wanted = new Lane({ service: '', sources });
    wanted.position = this.positionAt(from);
    return this.next(wanted, Infinity).batch;
  }

  /** The next unsettled deliveries, and where the lane stands once they are settled. */
  next(lane: Lane, limit: number): { batch: Delivery[]; end: number } {
    const batch: Delivery[] = [];
    let end = lane.position;
    for (; end < this.log.length && batch.length < limit; end++) {
      const message = this.log[end];
      if (message && isFor(lane.subscription, message)) {
        batch.push({ ...message, redelivered: false, origin: `position ${end}` });
      }
    }
    return { batch, end };
  }

  private positionAt(time: Date): number {
    const found = this.storedAt.findIndex((storedAt) => storedAt >= time.getTime());
    return found < 0 ? this.log.length : found;
  }

  unsettled(lane: Lane): number {
    return this.next(lane, Infinity).batch.length;
  }

  wake(): void {
    this.changed.resolve();
    this.changed = Promise.withResolvers();
  }

  /** Resolves at the next append, and whenever a replica comes or goes. */
  get change(): Promise<void> {
    return this.changed.promise;
  }
}

function isFor({ sources }: Subscription, { topic, type }: OutgoingMessage): boolean {
  return sources.some((source) => source.topic === topic && source.type === type);
}
