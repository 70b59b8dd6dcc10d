import { describe, expect, it } from 'vitest';
import type { Delivery } from '#libs/messaging';
import { handOut } from './hand-out.js';

const KEYS = Array.from({ length: 20 }, (_, n) => `key-${n}`);
/** Three of each key, the keys in turns. */
const deliveries = [1, 2, 3].flatMap((n) => KEYS.map((key) => delivery(key, n)));

function delivery(key: string, n: number): Delivery {
  const common = { topic: 'orders', type: 'noted', headers: {}, body: Buffer.alloc(0), redelivered: false, origin: '' };
  return { ...common, key, id: `${key}/${n}` };
}

/** What was handed out, batch by batch, and how many were being handled at most. */
async function handedOut(maxBatch: number, refuses: (delivery: Delivery) => boolean = () => false) {
  const batches: string[][] = [];
  let running = 0;
  let most = 0;
  const done = handOut(deliveries, maxBatch, async (batch) => {
    batches.push(batch.map(({ id }) => id));
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
    if (batch.some(refuses)) throw new Error('refused');
  });
  const outcome = await done.then(
    () => 'settled',
    (error: Error) => error.message,
  );
  return { batches, ids: batches.flat(), most, running, outcome };
}

const inOrder = (key: string) => [1, 2, 3].map((n) => `${key}/${n}`);

describe('handing out what was read', () => {
  it('makes one batch of what fits into one', async () => {
    const { batches, outcome } = await handedOut(deliveries.length);
    expect(batches).toEqual([deliveries.map(({ id }) => id)]);
    expect(outcome).toBe('settled');
  });

  it('handles keys side by side otherwise, and keeps the order of each', async () => {
    const { batches, ids, most } = await handedOut(1);
    expect(batches.every(({ length }) => length === 1)).toBe(true);
    for (const key of KEYS) expect(ids.filter((id) => id.startsWith(`${key}/`))).toEqual(inOrder(key));
    expect(ids).toHaveLength(deliveries.length);
    expect(most).toBeGreaterThan(2);
    expect(most).toBeLessThanOrEqual(8);
  });

  it('makes batches no larger than asked for', async () => {
    const { batches, ids } = await handedOut(2);
    expect(Math.max(...batches.map(({ length }) => length))).toBe(2);
    expect(ids.toSorted()).toEqual(deliveries.map(({ id }) => id).toSorted());
  });

  it('rejects once all have ended, and hands out nothing more of the key that was rejected', async () => {
    const { ids, running, outcome } = await handedOut(1, ({ id }) => id === 'key-7/2');
    expect(outcome).toBe('refused');
    expect(running).toBe(0);
    expect(ids).toContain('key-7/2');
    expect(ids).not.toContain('key-7/3');
    expect(ids).toContain('key-8/3');
  });
});
