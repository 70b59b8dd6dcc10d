import { describe, expect, it } from 'vitest';
import { Acknowledgement } from './acknowledgement.js';

const partitionMetadata = [0, 1, 2, 3].map((partitionId) => ({
  partitionId,
  partitionErrorCode: 0,
  leader: 1,
  replicas: [1],
  isr: [1],
}));
const stored = (partition: number) => ({ topicName: 't', partition, errorCode: 0, baseOffset: '0' });

function send(acknowledgement: Acknowledgement, keys: readonly string[]): number[] {
  const choose = acknowledgement.partitioner();
  return keys.map((key) => choose({ topic: 't', partitionMetadata, message: { key, value: null } }));
}

describe('an acknowledgement', () => {
  it('takes a send for stored when every partition has answered', () => {
    const acknowledgement = new Acknowledgement();
    const partitions = send(acknowledgement, ['a', 'b', 'c', 'd', 'e']);
    expect(() => acknowledgement.check(partitions.map(stored))).not.toThrow();
  });

  it('does not when one has not', () => {
    const acknowledgement = new Acknowledgement();
    const [first, ...rest] = [...new Set(send(acknowledgement, ['a', 'b', 'c', 'd', 'e', 'f']))];
    expect(() => acknowledgement.check(rest.map(stored))).toThrow(`the leader of t[${first}] changed meanwhile`);
  });

  it('begins anew with each send', () => {
    const acknowledgement = new Acknowledgement();
    send(acknowledgement, ['a', 'b', 'c', 'd', 'e', 'f']);
    acknowledgement.begin();
    const [partition] = send(acknowledgement, ['a']);
    expect(() => acknowledgement.check([stored(partition!)])).not.toThrow();
  });
});
