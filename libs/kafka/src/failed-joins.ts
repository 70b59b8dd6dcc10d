import { replaceMethod } from './replace-method.js';

interface ConsumerGroup {
  joinAndSync(): Promise<void>;
}

/**
 * kafkajs 2.2.4 takes a join that failed, such as one whose assignment came too late, for a read that failed, and reads on as if it had not begun to join.
 * Where the broker has it as a member all the same, nothing makes it join again. Here it is a crash of the consumer.
 */
export function crashOnFailedJoin(): void {
  replaceMethod<ConsumerGroup, 'joinAndSync'>('consumer/consumerGroup', 'joinAndSync', (original) => {
    return async function () {
      try {
        await original.call(this);
      } catch (error) {
        throw Object.assign(error as Error, { retriable: false });
      }
    };
  });
}
