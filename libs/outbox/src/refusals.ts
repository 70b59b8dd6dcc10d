const LONGEST_PAUSE_MS = 5_000;

/** After so many failures in a row. Milliseconds. */
export function delayAfter(failures: number): number {
  return Math.min(LONGEST_PAUSE_MS, 100 * 2 ** Math.min(failures, 10));
}

/**
 * What the store refused when it was sent alone. One such item may be at fault itself, and waits by itself; where two are refused in a row, the
 * store is away: everything waits, and then one at a time is sent until the store takes one.
 */
export class Refusals<T extends object> {
  private readonly times = new WeakMap<T, number>();
  private readonly waiting: { readonly item: T; readonly dueAt: number }[] = [];
  private last: T | undefined;
  private failures = 0;
  private pauseUntil = 0;

  get away(): boolean {
    return this.failures > 0;
  }

  get pausing(): boolean {
    return this.away && Date.now() < this.pauseUntil;
  }

  add(item: T): void {
    if (this.last && this.last !== item) this.pauseUntil = Date.now() + delayAfter(++this.failures);
    this.last = item;
    const times = (this.times.get(item) ?? 0) + 1;
    this.times.set(item, times);
    this.waiting.push({ item, dueAt: Date.now() + delayAfter(times) });
  }

  /** The store took something. */
  clear(): void {
    this.last = undefined;
    this.failures = 0;
  }

  /** The first item that has waited long enough, or none. */
  take(): T[] {
    const now = Date.now();
    const first = this.waiting.findIndex(({ dueAt }) => dueAt <= now);
    return first < 0 ? [] : this.waiting.splice(first, 1).map(({ item }) => item);
  }
}
