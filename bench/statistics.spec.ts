import { describe, expect, it } from 'vitest';
import { estimate, median, percentile, randomFrom } from './statistics.js';

describe('statistics', () => {
  it('takes the middle value, or the mean of the two in the middle', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('takes the smallest value that enough others do not exceed for a percentile', () => {
    const values = Array.from({ length: 100 }, (_, at) => at + 1);
    expect(percentile(values, 50)).toBe(50);
    expect(percentile(values, 99)).toBe(99);
    expect(percentile([7], 99)).toBe(7);
  });

  it('gives an interval around the median, the same for the same values', () => {
    const random = randomFrom(3);
    const values = Array.from({ length: 40 }, () => 100 + 10 * (random() - 0.5));
    const found = estimate(values);
    expect(found.low).toBeLessThanOrEqual(found.median);
    expect(found.high).toBeGreaterThanOrEqual(found.median);
    expect(found.high - found.low).toBeLessThan(5);
    expect(estimate(values)).toEqual(found);
  });

  it('gives no interval to values that do not differ', () => {
    expect(estimate([5, 5, 5])).toEqual({ median: 5, low: 5, high: 5, of: 3 });
  });
});
