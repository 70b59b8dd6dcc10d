import type { Commits } from './commits.js';
import type { MemberOptions } from './group-member.js';
import type { Positions } from './positions.js';
import { Lane, type Fetched } from './lane.js';

/** What is read between joining the group and having to join it again: positions are those of the partitions held then. */
export class Epoch {
  private readonly lanes = new Map<number, Lane>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly options: MemberOptions,
    private readonly commits: Commits,
    private readonly positions: Positions,
    private readonly resume: (partition: number) => void,
    /** What may still be running of epochs before. */
    private readonly previous: Promise<void>,
  ) {}

  /** Nothing that is pushed is handled any more. */
  get ended(): boolean {
    return this.stopping.signal.aborted;
  }

  /** Resolves once all that was pushed to the partition is settled, or is not to be. */
  push(partition: number, items: readonly Fetched[]): Promise<void> {
    let lane = this.lanes.get(partition);
    if (!lane) this.lanes.set(partition, (lane = this.newLane(partition)));
    lane.push(items);
    return lane.idle();
  }

  isFull(partition: number): boolean {
    return this.lanes.get(partition)?.full ?? false;
  }

  async finish(): Promise<void> {
    await this.idle();
    await this.commits.finish();
  }

  /** Nothing can be committed any more. */
  async abandon(): Promise<void> {
    this.commits.abandon();
    await this.idle();
  }

  private async idle(): Promise<void> {
    this.stopping.abort();
    await Promise.all([...this.lanes.values()].map((lane) => lane.idle()));
  }

  private newLane(partition: number): Lane {
    const { maxBatch, handle, log, subscription } = this.options;
    const { service } = subscription;
    return new Lane(
      {
        maxBatch,
        handle,
        settled: (items) => this.settled(items),
        rejected: (items, reason, again) => {
          const { topic, offset } = items[0]!;
          const line = `kafka: ${service} could not settle ${items.length} messages from ${topic}[${partition}]@${offset} on (${String(reason)}); it gets them again`;
          log[again === 1 ? 'warn' : 'debug']({ service, topic, partition, offset, again }, line);
        },
        room: () => this.resume(partition),
      },
      this.stopping.signal,
      this.previous,
    );
  }

  private settled(items: readonly Fetched[]): void {
    const last = new Map(items.map((item) => [item.topic, item]));
    for (const { topic, partition, offset } of last.values()) {
      this.positions.settled(`${topic}/${partition}`, BigInt(offset));
      this.commits.note(topic, partition, String(BigInt(offset) + 1n));
    }
  }
}
