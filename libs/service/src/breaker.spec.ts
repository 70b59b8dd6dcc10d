import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Postponed } from '#libs/messaging';
import { Breaker, type BreakerLimits } from './breaker.js';

const LIMITS: BreakerLimits = { failureRate: 0.5, windowMs: 10_000, minCalls: 10, openMs: 1_000, maxOpenMs: 4_000 };

class Down extends Error {}
const answers = () => Promise.resolve('fine');
const fails = () => Promise.reject(new Down('HTTP 503'));

describe('a breaker', () => {
  let told: string[];
  let breaker: Breaker;

  beforeEach(() => {
    vi.useFakeTimers();
    told = [];
    breaker = new Breaker('provider', LIMITS, (error) => error instanceof Down, {
      opened: (reason, inMs) => told.push(`opened for ${inMs}: ${reason}`),
      probes: () => told.push('probes'),
      closed: () => told.push('closed'),
    });
  });
  afterEach(() => void vi.useRealTimers());

  const times = async (count: number, call: () => Promise<unknown>) => {
    for (let n = 0; n < count; n++) await breaker.run(call).catch(() => undefined);
  };
  const postponement = async (call: () => Promise<unknown> = answers) => {
    const error = await breaker.run(call).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Postponed);
    return (error as Postponed).inMs;
  };

  it('stays closed while few calls fail, and while there are few calls', async () => {
    await times(9, fails);
    expect(breaker.state).toBe('closed');
    await times(20, answers);
    await times(10, fails);
    expect(breaker.state).toBe('closed');
  });

  it('opens once most calls fail, and then calls nothing', async () => {
    await times(4, answers);
    await times(6, fails);
    expect(breaker.state).toBe('open');
    const call = vi.fn<typeof answers>(answers);
    const inMs = await postponement(call);
    expect(inMs).toBeGreaterThanOrEqual(1_000);
    expect(inMs).toBeLessThanOrEqual(1_500);
    expect(call).not.toHaveBeenCalled();
    expect(told).toEqual(['opened for 1000: HTTP 503']);
  });

  it('takes no refusal for a failure', async () => {
    await times(50, () => Promise.reject(new Error('declined')));
    expect(breaker.state).toBe('closed');
  });

  it('lets one call find out, and the others wait meanwhile', async () => {
    await times(10, fails);
    vi.advanceTimersByTime(1_000);
    const probe = Promise.withResolvers<string>();
    const finding = breaker.run(() => probe.promise);
    expect(breaker.state).toBe('half-open');
    expect(await postponement()).toBeLessThanOrEqual(500);
    probe.resolve('back');
    expect(await finding).toBe('back');
    expect(breaker.state).toBe('closed');
    expect(await breaker.run(answers)).toBe('fine');
    expect(told.slice(1)).toEqual(['probes', 'closed']);
  });

  it('waits twice as long each time that it is not back, up to a bound, and begins anew after it was', async () => {
    await times(10, fails);
    for (const waited of [1_000, 2_000, 4_000]) {
      vi.advanceTimersByTime(waited);
      await times(1, fails);
    }
    expect(told.filter((line) => line.startsWith('opened'))).toEqual(
      [1_000, 2_000, 4_000, 4_000].map((ms) => `opened for ${ms}: HTTP 503`),
    );
    vi.advanceTimersByTime(4_000);
    await times(1, answers);
    await times(10, fails);
    expect(told.at(-1)).toBe('opened for 1000: HTTP 503');
  });

  it('is closed by an answer that says no', async () => {
    await times(10, fails);
    vi.advanceTimersByTime(1_000);
    await times(1, () => Promise.reject(new Error('declined')));
    expect(breaker.state).toBe('closed');
  });
});
