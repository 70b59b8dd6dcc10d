import { Backoff, type Delivery } from '#libs/messaging';

/** A message read and not settled yet; `delivery` is absent where this service does not react to its type. */
export interface Fetched {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly size: number;
  readonly delivery: Delivery | undefined;
}

export interface LaneWork {
  readonly maxBatch: number;
  handle(batch: readonly Delivery[]): Promise<void>;
  /** They are handled, or nobody's business here. */
  settled(items: readonly Fetched[]): void;
  /** `again` counts the rejections of this batch. */
  rejected(items: readonly Fetched[], reason: unknown, again: number): void;
  /** There is room for more. */
  room(): void;
}

const mostMessages = 1_000;
const mostBytes = 4 * 1024 * 1024;

/** Works off what was read from the partitions of one number, one batch at a time, in order. A rejected batch is handed out again until it is settled. */
export class Lane {
  private queue: Fetched[] = [];
  private bytes = 0;
  private working: Promise<void> | undefined;

  constructor(
    private readonly work: LaneWork,
    private readonly stopping: AbortSignal,
    /** No batch is started before it resolves. */
    private readonly previous: Promise<void>,
  ) {}

  /** Reading should pause until `room` is called. */
  get full(): boolean {
    return this.queue.length >= mostMessages || this.bytes >= mostBytes;
  }

  push(items: readonly Fetched[]): void {
    for (const item of items) {
      this.queue.push(item);
      this.bytes += item.size;
    }
    this.working ??= this.run();
  }

  /** Resolves once no batch is running; batches go on being started unless `stopping` is aborted. */
  async idle(): Promise<void> {
    await this.working;
  }

  private async run(): Promise<void> {
    await this.previous;
    while (this.queue.length > 0 && !this.stopping.aborted) {
      const items = this.next();
      if (await this.settle(items)) this.work.settled(items);
      if (this.queue.length <= mostMessages / 2 && this.bytes <= mostBytes / 2) this.work.room();
    }
    // In the same tick as the last look: whatever comes next starts it again.
    this.working = undefined;
  }

  /** As many as have `maxBatch` deliveries among them, with the ones in between and behind that need no handling. */
  private next(): Fetched[] {
    let wanted = 0;
    let end = 0;
    for (; end < this.queue.length; end++) {
      const { delivery, size } = this.queue[end]!;
      if (delivery && ++wanted > this.work.maxBatch) break;
      this.bytes -= size;
    }
    return this.queue.splice(0, end);
  }

  private async settle(items: readonly Fetched[]): Promise<boolean> {
    let batch = items.flatMap(({ delivery }) => delivery ?? []);
    if (batch.length === 0) return true;
    const backoff = new Backoff(100, 5_000);
    for (let again = 1; ; again++) {
      try {
        await this.work.handle(batch);
        return true;
      } catch (error) {
        if (this.stopping.aborted) return false;
        this.work.rejected(items, error, again);
        await backoff.pause(this.stopping);
        if (this.stopping.aborted) return false;
        batch = batch.map((delivery) => ({ ...delivery, redelivered: true }));
      }
    }
  }
}
