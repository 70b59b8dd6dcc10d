import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Gathering } from './gathering.js';

/** Runs that last until they are told how to end. */
function gated(limits: { most: number; atOnce: number; paceMs?: number; lingerMs?: number }) {
  const runs: { items: readonly string[]; end: PromiseWithResolvers<void> }[] = [];
  const run = (items: readonly string[]) => {
    const end = Promise.withResolvers<void>();
    runs.push({ items, end });
    return end.promise;
  };
  const gathering = new Gathering<string>(run, (item) => item, { paceMs: 0, lingerMs: 0, ...limits });
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

  describe('at a pace', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate', 'performance'] }));
    afterEach(() => void vi.useRealTimers());

    /** A run of two keys has just been, so that the next one shows that work piles up. */
    async function crowded(limits: { most: number; atOnce: number }) {
      const { gathering, runs, seen } = gated({ ...limits, paceMs: 40 });
      const first = gathering.add(['x', 'y']);
      await vi.advanceTimersByTimeAsync(0);
      runs.shift()!.end.resolve();
      await first;
      return { gathering, runs, seen };
    }

    it('lets nothing wait after a single run of two keys, nor after the next one much later', async () => {
      const { gathering, runs, seen } = await crowded({ most: 10, atOnce: 1 });
      for (const items of ['a', 'bc', 'd']) {
        await vi.advanceTimersByTimeAsync(items === 'bc' ? 81 : 0);
        void gathering.add(items.split(''));
        await vi.advanceTimersByTimeAsync(0);
        runs.at(-1)!.end.resolve();
      }
      expect(seen()).toEqual(['a', 'bc', 'd']);
    });

    it('has the callers of a run of two keys go on together with what came meanwhile', async () => {
      const { gathering, runs, seen } = await crowded({ most: 10, atOnce: 2 });
      const again = (item: string) => gathering.add([item]).then(() => void gathering.add([item.toUpperCase()]));
      const first = [gathering.add(['a', 'b']).then(() => void gathering.add(['A', 'B']))];
      await vi.advanceTimersByTimeAsync(0);
      first.push(again('d'));
      runs[0]!.end.resolve();
      await vi.advanceTimersByTimeAsync(39);
      expect(seen()).toEqual(['ab']);
      await vi.advanceTimersByTimeAsync(2);
      await first[0];
      expect(seen()).toEqual(['ab', 'dAB']);
    });

    it('goes on beside a run that is slow', async () => {
      const { gathering, seen } = await crowded({ most: 10, atOnce: 2 });
      void gathering.add(['a', 'b', 'c']);
      await vi.advanceTimersByTimeAsync(0);
      for (const item of ['d', 'e']) void gathering.add([item]);
      await vi.advanceTimersByTimeAsync(41);
      expect(seen()).toEqual(['abc', 'de']);
    });

    it.each([
      ['that is full', 3, 'abc'],
      ['of one key', 10, 'aaa'],
    ])('lets nothing wait after a run %s', async (_, most, items) => {
      const { gathering, runs, seen } = await crowded({ most, atOnce: 1 });
      void gathering.add(items.split(''));
      await vi.advanceTimersByTimeAsync(0);
      void gathering.add(['d']);
      runs[0]!.end.resolve();
      await vi.advanceTimersByTimeAsync(0);
      expect(seen()).toEqual([items, 'd']);
    });
  });

  describe('with what lingers', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'setImmediate', 'performance'] }));
    afterEach(() => void vi.useRealTimers());

    it('runs what has waited long enough, with all that came meanwhile, and then keeps no pace', async () => {
      const { gathering, runs, seen } = gated({ most: 10, atOnce: 1, paceMs: 1_000, lingerMs: 100 });
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
