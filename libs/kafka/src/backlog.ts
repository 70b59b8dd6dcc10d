import type { Admin } from 'kafkajs';
import type { Backlog, Subscription } from '#libs/messaging';

/** Messages behind the committed offset, those of types that the service skips among them: the broker knows no types. */
export async function backlogOf(admin: Admin, topology: readonly Subscription[]): Promise<Backlog[]> {
  const topics = [...new Set(topology.flatMap(({ sources }) => sources.map(({ topic }) => topic)))];
  const ends = new Map(
    await Promise.all(topics.map(async (topic) => [topic, await admin.fetchTopicOffsets(topic)] as const)),
  );
  const groups = await Promise.all(
    topology.map(async ({ service, sources }) => {
      const own = [...new Set(sources.map(({ topic }) => topic))];
      if (own.length === 0) return [];
      const committed = await admin.fetchOffsets({ groupId: service, topics: own });
      return committed.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset }): Backlog => {
          const end = ends.get(topic)?.find((each) => each.partition === partition);
          const from = Math.max(Number(offset), Number(end?.low ?? 0));
          return { service, lane: `${topic}[${partition}]`, messages: Math.max(0, Number(end?.high ?? 0) - from) };
        }),
      );
    }),
  );
  return groups.flat();
}
