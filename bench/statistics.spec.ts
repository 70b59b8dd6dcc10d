import { describe, expect, it } from 'vitest';
import { estimate, median, percentile, randomFrom, ratioOf } from './statistics.js';

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

  it('gives a ratio an interval wider than each of the two alone would, and narrower than their ends make it', () => {
    const exactly = { median: 50, low: 50, high: 50, of: 7 };
    const about = { median: 100, low: 90, high: 120, of: 5 };
    expect(ratioOf(about, exactly)).toEqual({
      median: 2,
      low: expect.closeTo(1.8),
      high: expect.closeTo(2.4),
      of: 5,
    });
    const { low, high } = ratioOf(about, { median: 50, low: 45, high: 60, of: 7 });
    expect(low).toBeGreaterThan(90 / 60);
    expect(low).toBeLessThan(1.8);
    expect(high).toBeGreaterThan(2.4);
    expect(high).toBeLessThan(120 / 45);
  });
});
