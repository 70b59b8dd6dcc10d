import { GroupExists, type Delivery, type Subscription } from '#libs/messaging';
import type { AdminConnection } from './admin.js';
import { Client } from './client.js';
import { history, type Reading } from './history.js';
import { positionsSince } from './offsets.js';
import { within } from './waiting.js';

/**
 * A group whose committed offsets are those of a time. kafkajs's own `setOffsets` takes five seconds for each topic: here one member
 * joins, commits them all, and leaves. Created last: a rejection leaves none, unless only the answer to that was lost.
 * @throws GroupExists
 */
export async function createGroup({ service, sources }: Subscription, from: Date, reading: Reading): Promise<number> {
  const topics = [...new Set(sources.map(({ topic }) => topic))];
  const { admin } = reading;
  if (await exists(service, admin)) throw new GroupExists(service);
  const count = await countOf(history(sources, from, reading));
  if (await exists(service, admin)) throw new GroupExists(service);
  const spans = await admin.ask((one) => positionsSince(one, topics, from), 15_000);
  const client = new Client(reading.settings, `${reading.instance} group`, reading.log);
  const consumer = client.kafka.consumer({ groupId: service, maxWaitTimeInMs: 100, allowAutoTopicCreation: false });
  try {
    await consumer.connect();
    await consumer.subscribe({ topics, fromBeginning: true });
    const joined = Promise.withResolvers<void>();
    consumer.on(consumer.events.GROUP_JOIN, () => joined.resolve());
    consumer.on(consumer.events.CRASH, ({ payload }) => joined.reject(payload.error));
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async () => {} });
    await within(30_000, joined.promise, `joining the group ${service}`);
    await consumer.commitOffsets(
      spans.map(({ topic, partition, first }) => ({ topic, partition, offset: String(first) })),
    );
  } catch (error) {
    throw new Error(`Kafka: the group ${service} was not created: ${client.reason(error)}`, { cause: error });
  } finally {
    await client.end(() => consumer.disconnect(), 5_000);
  }
  return count;
}

async function exists(service: string, admin: AdminConnection): Promise<boolean> {
  const { groups } = await admin.ask((one) => one.describeGroups([service]));
  const committed = await admin.ask((one) => one.fetchOffsets({ groupId: service }));
  const inUse = groups.some(({ members }) => members.length > 0);
  return inUse || committed.some(({ partitions }) => partitions.some(({ offset }) => offset !== '-1'));
}

async function countOf(batches: AsyncIterable<readonly Delivery[]>): Promise<number> {
  let count = 0;
  for await (const batch of batches) count += batch.length;
  return count;
}
