import { expect, test } from 'vitest';
import { prioritiesOf } from './priorities.js';

const queues = ['inventory.0', 'inventory.1', 'inventory.2', 'inventory.3'];

function winners(replicas: readonly string[]): string[] {
  const all = replicas.map((replica) => ({ replica, priorities: prioritiesOf(replica, queues) }));
  return queues.map((queue) => {
    const [best] = all.toSorted((a, b) => (b.priorities.get(queue) ?? 0) - (a.priorities.get(queue) ?? 0));
    return best?.replica ?? '';
  });
}

test('a replica ranks the queues the same way each time', () => {
  expect(prioritiesOf('a', queues)).toEqual(prioritiesOf('a', queues));
});

test('of two replicas both get work, whatever they are called', () => {
  const idle = Array.from({ length: 200 }, (_, n) => new Set(winners([`first-${n}`, `second-${n}`])).size).filter(
    (size) => size < 2,
  );
  // Both put the queues into the very same order once in 24 times; then the hashes decide, queue by queue.
  expect(idle.length).toBeLessThan(5);
});

test('four replicas share four queues among three of them or more, mostly, and never leave all to one', () => {
  const shared = Array.from({ length: 100 }, (_, n) => new Set(winners(['a', 'b', 'c', 'd'].map((r) => r + n))).size);
  expect(shared.filter((size) => size >= 3).length).toBeGreaterThan(80);
  expect(Math.min(...shared)).toBeGreaterThan(1);
});
