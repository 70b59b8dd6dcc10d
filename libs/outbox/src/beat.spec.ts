import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Beat } from './beat.js';

describe('Beat', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('holds nothing that comes alone', () => {
    const beat = new Beat(60);
    expect(beat.holdMs).toBe(0);
    beat.struck(1);
    expect(beat.holdMs).toBe(0);
  });

  it('holds what comes after several together until the next beat, and goes on for two', () => {
    const beat = new Beat(60);
    beat.struck(2);
    vi.advanceTimersByTime(20);
    expect(beat.holdMs).toBe(40);
    vi.advanceTimersByTime(40);
    expect(beat.holdMs).toBe(0);
    beat.struck(1);
    expect(beat.holdMs).toBe(60);
    vi.advanceTimersByTime(60);
    expect(beat.holdMs).toBe(0);
    beat.struck(1);
    expect(beat.holdMs).toBe(0);
  });

  it('holds nothing where there is none', () => {
    const beat = new Beat(0);
    beat.struck(10);
    expect(beat.holdMs).toBe(0);
  });
});
