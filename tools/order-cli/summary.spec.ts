import { describe, expect, it } from 'vitest';
import { countEnds, percentile, summarise } from './summary.js';

describe('percentile', () => {
  it('is a value that was measured, the smallest that enough do not exceed', () => {
    const values = [30, 10, 20, 40];
    expect([1, 25, 50, 75, 95, 100].map((percent) => percentile(values, percent))).toEqual([10, 10, 20, 30, 40, 40]);
  });

  it('is no number when nothing was measured', () => {
    expect(percentile([], 50)).toBeNaN();
  });
});

describe('countEnds', () => {
  it('counts each way in which an order ended, the most frequent first', () => {
    const outcomes = ['completed', 'cancelled: out_of_stock', 'completed'].map((end) => ({ end }));
    expect(countEnds(outcomes)).toEqual([
      ['completed', 2],
      ['cancelled: out_of_stock', 1],
    ]);
  });
});

describe('summarise', () => {
  it('measures the orders that were settled, and counts them all', () => {
    const outcomes = [{ end: 'completed', durationMs: 40 }, { end: 'not settled within 60 s' }];
    const text = summarise(outcomes, 500);
    expect(text).toContain('in 0.5 s, 2 a second');
    expect(text).toContain('p50 40 ms, p95 40 ms, p99 40 ms');
    expect(text).toMatch(/not settled within 60 s +1/);
  });

  it('says so when none was settled', () => {
    expect(summarise([{ end: 'not placed: 503' }], 500)).toContain('none was settled');
  });
});
