import type { Admin } from 'kafkajs';

/** Of one partition, what lies between a time and now: from `first` up to, and without, `end`. */
export interface Span {
  readonly topic: string;
  readonly partition: number;
  readonly first: bigint;
  readonly end: bigint;
}

/** The time is the one that publishers wrote, in milliseconds; what was deleted is left out. */
export async function positionsSince(admin: Admin, topics: readonly string[], from: Date): Promise<Span[]> {
  const spans = topics.map(async (topic) => {
    const ends = new Map(
      (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, BigInt(high)]),
    );
    const firsts = await admin.fetchTopicOffsetsByTimestamp(topic, from.getTime());
    return firsts.map(({ partition, offset }) => {
      const end = ends.get(partition) ?? 0n;
      return { topic, partition, first: BigInt(offset), end };
    });
  });
  return (await Promise.all(spans)).flat();
}
