import { AssignerProtocol, type Broker, type Cluster, type PartitionAssigner } from 'kafkajs';

const { MemberAssignment, MemberMetadata } = AssignerProtocol;

/**
 * Gives the partitions of one number, of all topics, to one replica: a key has the same number in every topic, so all that is said
 * of one key is handled in one place. `beforeJoining` runs whenever this replica is about to join the group again, and the group waits for it
 * (`rebalanceTimeoutMs` at most): whoever gets the partitions next finds nothing running.
 */
export function coPartitioned(beforeJoining: (coordinator: Broker) => Promise<void>): PartitionAssigner {
  return ({ cluster }) => {
    joinAfter(cluster, beforeJoining);
    return {
      name: 'farandole-co-partitioned',
      version: 0,
      protocol: ({ topics }) => ({
        name: 'farandole-co-partitioned',
        metadata: MemberMetadata.encode({ version: 0, topics, userData: Buffer.alloc(0) }),
      }),
      async assign({ members }) {
        const topicsOf = new Map(
          members.map(({ memberId, memberMetadata }) => [
            memberId,
            MemberMetadata.decode(memberMetadata)?.topics ?? [],
          ]),
        );
        const all = [...new Set([...topicsOf.values()].flat())].toSorted();
        // While one version of a service replaces another, a replica may react to topics that the leader does not know.
        await cluster.addMultipleTargetTopics(all);
        const partitions = new Map(
          all.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)]),
        );
        return [...assignment(topicsOf, partitions)].map(([memberId, assigned]) => ({
          memberId,
          memberAssignment: MemberAssignment.encode({ version: 0, assignment: assigned, userData: Buffer.alloc(0) }),
        }));
      },
    };
  };
}

/** Which member reads which partitions of which topic. */
export function assignment(
  topicsOf: ReadonlyMap<string, readonly string[]>,
  partitions: ReadonlyMap<string, readonly number[]>,
): Map<string, Record<string, number[]>> {
  const members = [...topicsOf.keys()].toSorted();
  const assigned = new Map<string, Record<string, number[]>>(members.map((member) => [member, {}]));
  for (const [topic, numbers] of partitions) {
    const readers = members.filter((member) => topicsOf.get(member)!.includes(topic));
    for (const number of numbers) {
      const first = members[number % members.length]!;
      const reader = readers.includes(first) ? first : readers[number % readers.length];
      if (reader) (assigned.get(reader)![topic] ??= []).push(number);
    }
  }
  return assigned;
}

/** kafkajs has no hook that joining waits for; the one thing it awaits before is where the coordinator is. */
function joinAfter(cluster: Cluster, beforeJoining: (coordinator: Broker) => Promise<void>): void {
  const find = cluster.findGroupCoordinator.bind(cluster);
  cluster.findGroupCoordinator = async (group) => {
    const coordinator = await find(group);
    await beforeJoining(coordinator);
    return coordinator;
  };
}
