import { afterEach, describe, expect, it, vi } from 'vitest';
import { Commits } from './commits.js';

describe('commits', () => {
  afterEach(() => void vi.useRealTimers());

  it('go one at a time, each with the latest of what came meanwhile', async () => {
    const gate = Promise.withResolvers<void>();
    const told: string[] = [];
    const commits = new Commits(async ({ topics }) => {
      told.push(
        topics.flatMap(({ topic, partitions }) => partitions.map((p) => `${topic}/${p.partition}:${p.offset}`)).join(),
      );
      await gate.promise;
    });
    commits.note('a', 0, '1');
    commits.note('a', 0, '2');
    commits.note('a', 0, '3');
    commits.note('b', 1, '9');
    gate.resolve();
    await commits.finish();
    expect(told).toEqual(['a/0:1', 'a/0:3,b/1:9']);
  });

  it('are tried again after a failure, and once more at the end', async () => {
    let attempts = 0;
    const commits = new Commits(async () => {
      if (++attempts < 3) throw new Error('rejected by the test');
    });
    commits.note('a', 0, '1');
    await commits.finish();
    expect(attempts).toBe(2);
  });

  it('keep a pace, with the first right away', async () => {
    vi.useFakeTimers();
    const told: string[] = [];
    const commits = new Commits(async ({ topics }) => void told.push(topics[0]!.partitions[0]!.offset));
    commits.note('a', 0, '1');
    await vi.advanceTimersByTimeAsync(0);
    commits.note('a', 0, '2');
    await vi.advanceTimersByTimeAsync(90);
    commits.note('a', 0, '3');
    expect(told).toEqual(['1']);
    await vi.advanceTimersByTimeAsync(10);
    expect(told).toEqual(['1', '3']);
    commits.note('a', 0, '4');
    await commits.finish();
    expect(told).toEqual(['1', '3', '4']);
  });
});
