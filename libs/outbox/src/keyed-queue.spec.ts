import { describe, expect, it } from 'vitest';
import { KeyedQueue } from './keyed-queue.js';

const item = (key: string, n: number) => ({ key, n });

describe('KeyedQueue', () => {
  it('takes the oldest item of each key, one per key', () => {
    const queue = new KeyedQueue<{ key: string; n: number }>();
    queue.push([item('a', 1), item('a', 2), item('b', 3)]);
    expect(queue.take(10)).toEqual([item('a', 1), item('b', 3)]);
    expect(queue.take(10)).toEqual([]);
  });

  it('hands out the next of a key once the one before is settled', () => {
    const queue = new KeyedQueue<{ key: string; n: number }>();
    queue.push([item('a', 1), item('a', 2)]);
    queue.settle(queue.take(1));
    expect(queue.take(1)).toEqual([item('a', 2)]);
    expect(queue.unsettled).toBe(1);
  });

  it('puts back before what waits', () => {
    const queue = new KeyedQueue<{ key: string; n: number }>();
    queue.push([item('a', 1), item('a', 2)]);
    queue.putBack(queue.take(1));
    expect(queue.take(1)).toEqual([item('a', 1)]);
  });

  it('drops what waits of a key, not what was taken', () => {
    const queue = new KeyedQueue<{ key: string; n: number }>();
    queue.push([item('a', 1), item('a', 2), item('b', 3), item('a', 4)]);
    queue.take(1);
    expect(queue.drop('a')).toEqual([item('a', 2), item('a', 4)]);
    expect(queue.unsettled).toBe(2);
    expect(queue.take(10)).toEqual([item('b', 3)]);
  });

  it('takes no more than asked for and keeps the rest in order', () => {
    const queue = new KeyedQueue<{ key: string; n: number }>();
    queue.push([item('a', 1), item('b', 2), item('c', 3)]);
    expect(queue.take(2)).toEqual([item('a', 1), item('b', 2)]);
    expect(queue.take(2)).toEqual([item('c', 3)]);
  });
});
