import { describe, expect, it } from 'vitest';
import { Gathering } from './gathering.js';

/** Runs that last until they are told how to end. */
function gated(limits: { most: number; atOnce: number }) {
  const runs: { items: readonly string[]; end: PromiseWithResolvers<void> }[] = [];
  const gathering = new Gathering<string>((items) => {
    const end = Promise.withResolvers<void>();
    runs.push({ items, end });
    return end.promise;
  }, limits);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { runs, gathering, turn, seen: () => runs.map(({ items }) => items.join('')) };
}

describe('Gathering', () => {
  it('runs what comes first at once, and what comes meanwhile together', async () => {
    const { gathering, runs, seen, turn } = gated({ most: 10, atOnce: 1 });
    const calls = [['a', 'b'], ['c'], ['d', 'e']].map((items) => gathering.add(items));
    expect(seen()).toEqual(['ab']);
    runs[0]!.end.resolve();
    await calls[0];
    await turn();
    expect(seen()).toEqual(['ab', 'cde']);
    runs[1]!.end.resolve();
    await Promise.all(calls);
  });

  it('has beside each other as many runs as it may', () => {
    const { gathering, seen } = gated({ most: 10, atOnce: 2 });
    for (const item of ['a', 'b', 'c']) void gathering.add([item]);
    expect(seen()).toEqual(['a', 'b']);
  });

  it('takes no call apart, and no more calls than fit into one run', async () => {
    const { gathering, runs, seen, turn } = gated({ most: 3, atOnce: 1 });
    for (const items of ['1', 'abcd', '23', '4', '56']) void gathering.add(items.split(''));
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
    }
    runs[0]!.end.resolve();
    await turn();
    runs[1]!.end.reject(new Error('no'));
    await turn();
    expect(outcomes).toEqual(['a', 'b: no', 'c: no']);
    void gathering.add(['d']);
    expect(runs).toHaveLength(3);
  });
});
