import { createRequire } from 'node:module';

interface ConsumerGroup {
  joinAndSync(): Promise<void>;
}

/**
 * kafkajs 2.2.4 takes a join that failed, such as one whose assignment came too late, for a read that failed, and reads on as if it had not begun to join.
 * Where the broker has it as a member all the same, nothing makes it join again. Here it is a crash of the consumer.
 */
export function crashOnFailedJoin(): void {
  const group = createRequire(import.meta.url)('kafkajs/src/consumer/consumerGroup') as { prototype: ConsumerGroup };
  const original = group.prototype.joinAndSync;
  if (original.name === 'orCrash') return;
  group.prototype.joinAndSync = async function orCrash(this: ConsumerGroup) {
    try {
      await original.call(this);
    } catch (error) {
      throw Object.assign(error as Error, { retriable: false });
    }
  };
}
