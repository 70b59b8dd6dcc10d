import { describe, expect, it } from 'vitest';
import { arrivals } from './arrivals.js';
import type { LoadClient } from './client.js';
import { openLoop } from './loops.js';

const window = { rampMs: 1_000, windowMs: 10_000 };
const counted = (times: readonly number[]) => times.filter((at) => at >= window.rampMs);

describe('arrivals', () => {
  it.each([66.1, 79.1, 98.4])('come at the rate that is told, %s a second, in ramp and window', (perSecond) => {
    for (let seed = 0; seed < 7; seed++) {
      const times = arrivals(perSecond, window, seed);
      expect(counted(times)).toHaveLength(Math.round(perSecond * 10));
      expect(times).toHaveLength(Math.round(perSecond * 10) + Math.round(perSecond));
      expect(times).toEqual(times.toSorted((one, other) => one - other));
      expect(times.at(-1)).toBeLessThan(11_000);
    }
  });

  it('differ by seed, and are the same for the same one', () => {
    expect(arrivals(50, window, 1)).toEqual(arrivals(50, window, 1));
    const [one, other] = [arrivals(50, window, 1), arrivals(50, window, 2)];
    expect(one.filter((at) => other.includes(at))).toEqual([]);
  });

  it('are the same within the window at almost the same rate, but for those that are more', () => {
    const more = counted(arrivals(51, window, 1));
    expect(counted(arrivals(50, window, 1)).filter((at) => !more.includes(at))).toEqual([]);
  });

  it('come in bunches as random ones do', () => {
    const times = counted(arrivals(1_000, window, 1));
    const gaps = times.slice(1).map((at, n) => at - times[n]!);
    // Of exponential gaps with a mean of 1 ms, exp(-3) are longer than 3 ms.
    expect(gaps.filter((gap) => gap > 3).length / gaps.length).toBeCloseTo(Math.exp(-3), 2);
  });

  it('are when an open loop sends, and those of the window count', async () => {
    const sent: number[] = [];
    const run = async () => ({ settledAt: sent[sent.push(performance.now()) - 1] });
    const start = performance.now();
    const latencies = await openLoop({ run } as unknown as LoadClient, 100, { rampMs: 50, windowMs: 200 }, 3);
    expect(latencies).toHaveLength(20);
    const due = arrivals(100, { rampMs: 50, windowMs: 200 }, 3);
    expect(sent).toHaveLength(due.length);
    // A wait may end half a millisecond early, and a timer a whole one.
    for (const [n, at] of sent.entries()) expect(at - start).toBeGreaterThan(due[n]! - 2);
  });
});
