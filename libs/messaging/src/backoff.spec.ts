import { expect, test } from 'vitest';
import { Backoff } from './backoff.js';

test('pauses double up to the cap, and begin anew after a success', () => {
  const backoff = new Backoff(100, 1_000);
  const bounds = [100, 200, 400, 800, 1_000, 1_000];
  for (const bound of bounds) {
    const pause = backoff.next();
    expect(pause).toBeGreaterThanOrEqual(bound / 2);
    expect(pause).toBeLessThanOrEqual(bound);
  }
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(100);
});

test('a pause ends at once when it is called off', async () => {
  const before = Date.now();
  await new Backoff(60_000, 60_000).pause(AbortSignal.abort());
  expect(Date.now() - before).toBeLessThan(1_000);
});
