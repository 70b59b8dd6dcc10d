import { crc32 } from 'node:zlib';
import type { GatheringLimits, JoinCall } from './gathering.js';
import { Turn } from './turn.js';

/** A store hands over as many together, if it has them, so that small batches of different keys can be handled side by side. */
export const READ_AT_LEAST = 32;
/** A store that spreads keys over queues goes by the lowest bits of the same hash (slotOf of libs/rabbitmq): of one queue's keys those say little. */
const BITS_OF_STORES = 8;

/** Has batches of different keys handled side by side, those of one key in order. */
export class SideBySide<Item> {
  private readonly most: number;
  private readonly lanes: readonly Turn[];

  constructor(
    { most, atOnce }: Pick<GatheringLimits, 'most' | 'atOnce'>,
    private readonly keyOf: (item: Item) => string,
    private readonly handle: (batch: readonly Item[], joinable?: (join: JoinCall<Item>) => void) => Promise<void>,
  ) {
    this.most = most;
    this.lanes = Array.from({ length: atOnce }, () => new Turn());
  }

  /**
   * Hands out at most `most` at a time: as one batch where they fit into it. Settles once every batch has; rejects where one was rejected, whose key gets
   * nothing further of these items. Where they are one batch, others may join it.
   */
  async run(items: readonly Item[], joinable?: (join: JoinCall<Item>) => void): Promise<void> {
    if (items.length <= this.most) return this.handle(items, joinable);
    const byLane = Map.groupBy(items, (item) => (crc32(this.keyOf(item)) >>> BITS_OF_STORES) % this.lanes.length);
    const ended = await Promise.allSettled([...byLane].map(([lane, of]) => this.inLane(lane, of)));
    const rejected = ended.find((one) => one.status === 'rejected');
    if (rejected) throw rejected.reason;
  }

  private inLane(lane: number, items: readonly Item[]): Promise<void> {
    return this.lanes[lane]!.run(async () => {
      for (let at = 0; at < items.length; at += this.most) await this.handle(items.slice(at, at + this.most));
    });
  }
}
