import { describe, expect, it } from 'vitest';
import { assignment } from './co-partitioning.js';

const four = [0, 1, 2, 3];
const numbersOf = (assigned: Record<string, number[]> | undefined) => Object.values(assigned ?? {});

describe('partitions among replicas', () => {
  it('gives one number of all topics to one replica', () => {
    const topics = ['order.events', 'payment.events'];
    const members = new Map([
      ['b', topics],
      ['a', topics],
    ]);
    const assigned = assignment(members, new Map(topics.map((topic) => [topic, four])));
    expect(Object.fromEntries(assigned)).toEqual({
      a: { 'order.events': [0, 2], 'payment.events': [0, 2] },
      b: { 'order.events': [1, 3], 'payment.events': [1, 3] },
    });
  });

  it('leaves replicas beyond the number of partitions without any', () => {
    const members = new Map(['a', 'b', 'c'].map((member) => [member, ['t']]));
    const assigned = assignment(members, new Map([['t', [0, 1]]]));
    expect(assigned.get('c')).toEqual({});
  });

  it('gives a topic only to those who react to it, each partition to one', () => {
    const members = new Map([
      ['new', ['old.events', 'new.events']],
      ['old', ['old.events']],
    ]);
    const assigned = assignment(
      members,
      new Map([
        ['new.events', four],
        ['old.events', four],
      ]),
    );
    expect(assigned.get('new')?.['new.events']).toEqual(four);
    expect(assigned.get('old')?.['new.events']).toBeUndefined();
    expect([...assigned.values()].flatMap((each) => each['old.events'] ?? []).toSorted((a, b) => a - b)).toEqual(four);
    expect(numbersOf(assigned.get('old'))).toHaveLength(1);
  });
});
