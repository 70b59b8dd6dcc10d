import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Gathering } from './gathering.js';

/** Runs that last until they are told how to end. Capital letters can wait. */
function gated(limits: { most: number; atOnce: number; companyMs?: number; lingerMs?: number }) {
  const runs: { items: readonly string[]; end: PromiseWithResolvers<void> }[] = [];
  const run = (items: readonly string[]) => {
    const end = Promise.withResolvers<void>();
    runs.push({ items, end });
    return end.promise;
  };
  const traits = { keyOf: (item: string) => item, canWait: (item: string) => item < 'a' };
  const gathering = new Gathering<string>(run, traits, { companyMs: 0, lingerMs: 0, ...limits });
  /** Resolves once what has settled is known, and what then begins has begun. */
  const turn = () => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return { runs, gathering, turn, seen: () => runs.map(({ items }) => items.join('')) };
}

describe('Gathering', () => {
  it('runs together what comes in one turn, and what comes while that runs', async () => {
    const { gathering, runs, seen, turn } = gated({ most: 10, atOnce: 1 });
    const calls = [['a', 'b'], ['c']].map((items) => gathering.add(items));
    await turn();
    expect(seen()).toEqual(['abc']);
    calls.push(gathering.add(['d']));
    await turn();
    calls.push(gathering.add(['e']));
    runs[0]!.end.resolve();
    await calls[0];
    await turn();
    expect(seen()).toEqual(['abc', 'de']);
    runs[1]!.end.resolve();
    await Promise.all(calls);
  });

  it('has beside each other as many runs as it may', async () => {
    const { gathering, seen, turn } = gated({ most: 1, atOnce: 2 });
    for (const item of ['a', 'b', 'c']) void gathering.add([item]);
    await turn();
    expect(seen()).toEqual(['a', 'b']);
  });

  it('takes no call apart, and no more calls than fit into one run', async () => {
    const { gathering, runs, seen, turn } = gated({ most: 3, atOnce: 1 });
    for (const items of ['1', 'abcd', '23', '4', '56']) void gathering.add(items.split(''));
    await turn();
    for (let n = 0; n < 4; n++) {
      runs[n]!.end.resolve();
      await turn();
    }
    expect(seen()).toEqual(['1', 'abcd', '234', '56']);
  });

  it('rejects the calls of a run that fails, and no other', async () => {
    const { gathering, runs, turn } = gated({ most: 10, atOnce: 1 });
    const outcomes: string[] = [];
    for (const item of ['a', 'b', 'c']) {
      gathering.add([item]).then(
        () => outcomes.push(item),
        (error: Error) => outcomes.push(`${item}: ${error.message}`),
      );
      if (item === 'a') await turn();
    }
    await turn();
    runs[0]!.end.resolve();
    await turn();
    runs[1]!.end.reject(new Error('no'));
    await turn();
    expect(outcomes).toEqual(['a', 'b: no', 'c: no']);
    void gathering.add(['d']);
    await turn();
    expect(runs).toHaveLength(3);
  });

  describe('while work piles up', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] }));
    afterEach(() => void vi.useRealTimers());

    /** A run of those items has just been. */
    async function after(items: string, limits: { most: number; atOnce: number }) {
      const { gathering, runs, seen } = gated({ ...limits, companyMs: 5 });
      const first = gathering.add(items.split(''));
      await vi.advanceTimersByTimeAsync(0);
      runs.shift()!.end.resolve();
      await first;
      return { gathering, runs, seen };
    }

    it('has what comes wait for company, and not for long', async () => {
      const { gathering, seen } = await after('xy', { most: 10, atOnce: 2 });
      void gathering.add(['a']);
      await vi.advanceTimersByTimeAsync(4);
      void gathering.add(['b']);
      expect(seen()).toEqual([]);
      await vi.advanceTimersByTimeAsync(2);
      expect(seen()).toEqual(['ab']);
    });

    it.each([
      ['of one key', 'xx', 0],
      ['of what can wait, but for one', 'xYZ', 0],
      ['of two keys, once that is a while ago', 'xy', 151],
    ])('lets nothing wait after a run %s', async (_, items, laterMs) => {
      const { gathering, seen } = await after(items, { most: 10, atOnce: 1 });
      await vi.advanceTimersByTimeAsync(laterMs);
      void gathering.add(['a']);
      await vi.advanceTimersByTimeAsync(0);
      expect(seen()).toEqual(['a']);
    });

    it('lets a run that is full wait for nothing', async () => {
      const { gathering, seen } = await after('xy', { most: 3, atOnce: 1 });
      for (const items of ['ab', 'c']) void gathering.add(items.split(''));
      await vi.advanceTimersByTimeAsync(0);
      expect(seen()).toEqual(['abc']);
    });

    it('has what can wait do so for what is to go on, if others can join it', async () => {
      const { gathering, seen } = await after('xy', { most: 10, atOnce: 3 });
      void gathering.add(['A'], () => undefined);
      await vi.advanceTimersByTimeAsync(50);
      expect(seen()).toEqual([]);
      void gathering.add(['b'], () => undefined);
      await vi.advanceTimersByTimeAsync(6);
      expect(seen()).toEqual(['Ab']);
      void gathering.add(['C'], () => undefined);
      await vi.advanceTimersByTimeAsync(81);
      expect(seen()).toEqual(['Ab', 'C']);
      void gathering.add(['D']);
      await vi.advanceTimersByTimeAsync(6);
      expect(seen()).toEqual(['Ab', 'C', 'D']);
    });

    it('takes one more into a call that waits, behind what it has, until its run has begun or is full', async () => {
      const { gathering, runs, seen } = await after('xy', { most: 3, atOnce: 2 });
      let join!: (read: () => string) => boolean;
      const added = gathering.add(['A'], (given) => (join = given));
      await vi.advanceTimersByTimeAsync(20);
      expect(['b', 'C', 'd'].map((item) => join(() => item))).toEqual([true, true, false]);
      await vi.advanceTimersByTimeAsync(0);
      expect(seen()).toEqual(['AbC']);
      expect(join(() => 'e')).toBe(false);
      runs[0]!.end.resolve();
      await added;
    });
  });

  describe('with what lingers', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate', 'performance'] }));
    afterEach(() => void vi.useRealTimers());

    it('runs what has waited long enough, with all that came meanwhile', async () => {
      const { gathering, runs, seen } = gated({ most: 10, atOnce: 1, companyMs: 5, lingerMs: 100 });
      const calls = [gathering.add(['a'])];
      await vi.advanceTimersByTimeAsync(60);
      calls.push(gathering.add(['b', 'c']));
      await vi.advanceTimersByTimeAsync(39);
      expect(seen()).toEqual([]);
      await vi.advanceTimersByTimeAsync(2);
      expect(seen()).toEqual(['abc']);
      runs[0]!.end.resolve();
      await Promise.all(calls);
      void gathering.add(['d']);
      await vi.advanceTimersByTimeAsync(101);
      expect(seen()).toEqual(['abc', 'd']);
    });

    it('lets a run that is full wait for nothing, nor what has waited while others ran', async () => {
      const { gathering, runs, seen } = gated({ most: 3, atOnce: 1, lingerMs: 100 });
      for (const items of ['ab', 'c', 'd']) void gathering.add(items.split(''));
      await vi.advanceTimersByTimeAsync(0);
      expect(seen()).toEqual(['abc']);
      await vi.advanceTimersByTimeAsync(150);
      runs[0]!.end.resolve();
      await vi.advanceTimersByTimeAsync(0);
      expect(seen()).toEqual(['abc', 'd']);
    });
  });
});
