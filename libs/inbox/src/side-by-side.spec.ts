import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { SideBySide } from './side-by-side.js';

const KEYS = Array.from({ length: 20 }, (_, n) => `key-${n}`);
/** Three of each key, the keys in turns. */
const items = [1, 2, 3].flatMap((n) => KEYS.map((key) => ({ key, id: `${key}/${n}` })));
type Item = (typeof items)[number];

/** What was handed out, batch by batch, and how many were being handled at most; with each of these calls at once. */
async function handedOut(most: number, { atOnce = 8, refuses = () => false, calls = [items] }: Told = {}) {
  const batches: string[][] = [];
  let running = 0;
  let mostRunning = 0;
  const sideBySide = new SideBySide<Item>(
    { most, atOnce },
    ({ key }) => key,
    async (batch) => {
      batches.push(batch.map(({ id }) => id));
      mostRunning = Math.max(mostRunning, ++running);
      await new Promise(setImmediate);
      running--;
      if (batch.some(refuses)) throw new Error('refused');
    },
  );
  const outcomes = await Promise.allSettled(calls.map((call) => sideBySide.run(call)));
  return { batches, ids: batches.flat(), mostRunning, running, outcomes: outcomes.map(({ status }) => status) };
}

interface Told {
  readonly atOnce?: number;
  readonly refuses?: (item: Item) => boolean;
  readonly calls?: readonly (readonly Item[])[];
}

const inOrder = (key: string) => [1, 2, 3].map((n) => `${key}/${n}`);

describe('handling side by side', () => {
  it('makes one batch of what fits into one', async () => {
    const { batches, outcomes } = await handedOut(items.length);
    expect(batches).toEqual([items.map(({ id }) => id)]);
    expect(outcomes).toEqual(['fulfilled']);
  });

  it('handles keys side by side otherwise, and keeps the order of each', async () => {
    const { batches, ids, mostRunning } = await handedOut(1);
    expect(batches.every(({ length }) => length === 1)).toBe(true);
    for (const key of KEYS) expect(ids.filter((id) => id.startsWith(`${key}/`))).toEqual(inOrder(key));
    expect(ids).toHaveLength(items.length);
    expect(mostRunning).toBeGreaterThan(2);
    expect(mostRunning).toBeLessThanOrEqual(8);
  });

  it('has room for all keys of a queue, though they were put there by their hash', async () => {
    const keys = Array.from({ length: 200 }, (_, n) => `key-${n}`).filter((key) => crc32(key) % 4 === 1);
    const calls = [keys.map((key) => ({ key, id: key }))];
    for (const atOnce of [1, 8, 16])
      expect(await handedOut(1, { calls, atOnce })).toMatchObject({ mostRunning: atOnce });
  });

  it('makes batches no larger than asked for', async () => {
    const { batches, ids } = await handedOut(2);
    expect(Math.max(...batches.map(({ length }) => length))).toBe(2);
    expect(ids.toSorted()).toEqual(items.map(({ id }) => id).toSorted());
  });

  it('rejects once all have ended, and hands out nothing more of the key that was rejected', async () => {
    const { ids, running, outcomes } = await handedOut(1, { refuses: ({ id }) => id === 'key-7/2' });
    expect(outcomes).toEqual(['rejected']);
    expect(running).toBe(0);
    expect(ids).toContain('key-7/2');
    expect(ids).not.toContain('key-7/3');
    expect(ids).toContain('key-8/3');
  });

  it('shares its room among all who call, and keeps from none what another was refused', async () => {
    const calls = [items, items.map(({ key, id }) => ({ key: `other-${key}`, id: `other-${id}` }))];
    const { ids, mostRunning, outcomes } = await handedOut(1, { calls, refuses: ({ id }) => id === 'key-7/2' });
    expect(outcomes).toEqual(['rejected', 'fulfilled']);
    expect(mostRunning).toBeLessThanOrEqual(8);
    for (const key of KEYS) expect(ids.filter((id) => id.startsWith(`other-${key}/`))).toEqual(inOrder(`other-${key}`));
  });
});
