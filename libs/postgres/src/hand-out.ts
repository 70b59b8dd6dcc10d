import { crc32 } from 'node:zlib';
import type { Delivery } from '#libs/messaging';

export type Handle = (batch: readonly Delivery[]) => Promise<void>;

/** A read brings as many at least, so that small batches of different keys can be handled side by side. */
export const READ_AT_LEAST = 32;
/** Batches handled side by side. */
const LANES = 8;

/**
 * Hands deliveries out, at most `maxBatch` at a time: as one batch where they fit into it; otherwise those of different keys side by side, those of one key in
 * order. Settles once every batch has; rejects where one was rejected, whose key gets nothing further.
 */
export async function handOut<Found extends Delivery>(
  deliveries: readonly Found[],
  maxBatch: number,
  handle: (batch: readonly Found[]) => Promise<void>,
): Promise<void> {
  if (deliveries.length <= maxBatch) return handle(deliveries);
  const lanes = Map.groupBy(deliveries, ({ key }) => crc32(key) % LANES);
  const ended = await Promise.allSettled(
    [...lanes.values()].map(async (lane) => {
      for (let at = 0; at < lane.length; at += maxBatch) await handle(lane.slice(at, at + maxBatch));
    }),
  );
  const rejected = ended.find((one) => one.status === 'rejected');
  if (rejected) throw rejected.reason;
}
