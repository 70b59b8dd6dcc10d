import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Refusals } from './refusals.js';

const [a, b] = [{ name: 'a' }, { name: 'b' }];

describe('Refusals', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
  afterEach(() => void vi.useRealTimers());

  /** Milliseconds until it is to be sent again. */
  const wait = (refusals: Refusals<object>) => {
    const start = Date.now();
    while (refusals.take().length === 0) vi.advanceTimersByTime(100);
    return Date.now() - start;
  };

  it('has an item wait longer each time, whatever the store takes meanwhile, and nothing else', () => {
    const refusals = new Refusals<object>();
    const waited = Array.from({ length: 7 }, () => {
      refusals.add(a);
      expect(refusals.away).toBe(false);
      refusals.clear();
      return wait(refusals);
    });
    expect(waited).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  it('takes an item that is refused again and again for no sign of the store', () => {
    const refusals = new Refusals<object>();
    for (let n = 0; n < 10; n++) refusals.add(a);
    expect(refusals.away).toBe(false);
  });

  it('has everything wait where two are refused in a row, until the store takes one', () => {
    const refusals = new Refusals<object>();
    refusals.add(a);
    refusals.clear();
    refusals.add(b);
    expect(refusals.away).toBe(false);
    refusals.add(a);
    expect(refusals.pausing).toBe(true);
    vi.advanceTimersByTime(200);
    expect([refusals.away, refusals.pausing]).toEqual([true, false]);
    refusals.add(b);
    vi.advanceTimersByTime(200);
    expect(refusals.pausing).toBe(true);
    refusals.clear();
    expect([refusals.away, refusals.pausing]).toEqual([false, false]);
  });
});
