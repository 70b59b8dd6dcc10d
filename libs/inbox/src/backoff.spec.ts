import { expect, it } from 'vitest';
import { delayAfter } from './backoff.js';

const POLICY = { attempts: 20, baseMs: 100, capMs: 5_000 };
const delays = (attempts: number) => Array.from({ length: 2_000 }, () => delayAfter(attempts, POLICY));

it.each([
  [1, 100],
  [2, 200],
  [3, 400],
  [6, 3_200],
  [7, 5_000],
  [500, 5_000],
])('after %i failed tries the next one is at any time within %i ms, all alike', (attempts, bound) => {
  const seen = delays(attempts);
  expect(Math.min(...seen)).toBeLessThan(0.05 * bound);
  expect(Math.max(...seen)).toBeGreaterThan(0.95 * bound);
  expect(Math.max(...seen)).toBeLessThan(bound);
  const mean = seen.reduce((sum, one) => sum + one, 0) / seen.length;
  expect(mean / bound).toBeCloseTo(0.5, 1);
});
