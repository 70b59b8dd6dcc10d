import { createHash } from 'node:crypto';

/**
 * This replica's consumer priority on each queue. Every replica puts the queues into an order of its own and prefers
 * them in that order: as all give away the same ranks, none is first everywhere. Equal ranks are told apart by hash.
 */
export function prioritiesOf(replica: string, queues: readonly string[]): Map<string, number> {
  const byHash = queues
    .map((queue) => ({ queue, hash: hashOf(`${replica} ${queue}`) }))
    .toSorted((a, b) => a.hash - b.hash);
  return new Map(byHash.map(({ queue, hash }, rank) => [queue, rank * 1_000 + (hash % 1_000)]));
}

function hashOf(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}
