export interface GatheringLimits {
  /** Items of one run, unless a single call brings more. */
  readonly most: number;
  /** Runs under way beside each other. */
  readonly atOnce: number;
  /** While work piles up, the next run begins this long after the last at the earliest, milliseconds. */
  readonly paceMs: number;
}

/** From so many keys in one run on, work piles up: what one order brings waits for nothing. */
const PACED_FROM_KEYS = 2;

/**
 * Runs together what comes in one turn of the event loop, at the end of that turn if there is room; what comes later shares the next run. Items of one call
 * stay together, in their order. While work piles up, runs keep a pace, so that each is of more items: their callers go on together, once the next run may begin.
 */
export class Gathering<Item> {
  private readonly waiting: { readonly items: readonly Item[]; readonly settled: PromiseWithResolvers<void> }[] = [];
  private running = 0;
  private beginning = false;
  private resting = false;

  constructor(
    private readonly run: (items: readonly Item[]) => Promise<void>,
    private readonly keyOf: (item: Item) => string,
    private readonly limits: GatheringLimits,
  ) {}

  /** Settles as the run does that the items were part of. */
  add(items: readonly Item[]): Promise<void> {
    const settled = Promise.withResolvers<void>();
    this.waiting.push({ items, settled });
    this.beginSoon();
    return settled.promise;
  }

  private beginSoon(): void {
    if (this.beginning) return;
    this.beginning = true;
    setImmediate(() => {
      this.beginning = false;
      while (this.running < this.limits.atOnce && !this.resting && this.waiting.length > 0) void this.runNext();
    });
  }

  private async runNext(): Promise<void> {
    this.running++;
    const calls = this.next();
    const items = calls.flatMap((call) => call.items);
    const rested = this.pilesUp(items) ? this.rest() : undefined;
    const ran = this.run(items);
    await ran.catch(() => undefined);
    this.running--;
    await rested;
    await ran.then(
      () => calls.forEach(({ settled }) => settled.resolve()),
      (error: unknown) => calls.forEach(({ settled }) => settled.reject(error)),
    );
    this.beginSoon();
  }

  /** A run that is full has nothing to gain from waiting. */
  private pilesUp(items: readonly Item[]): boolean {
    const { paceMs, most } = this.limits;
    return paceMs > 0 && items.length < most && new Set(items.map(this.keyOf)).size >= PACED_FROM_KEYS;
  }

  private rest(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.resting = true;
    setTimeout(() => {
      resolve();
      this.resting = false;
      // Whoever is told now that the run has settled adds to the next one first.
      this.beginSoon();
    }, this.limits.paceMs);
    return promise;
  }

  private next() {
    let items = 0;
    const fits = this.waiting.findIndex((call, n) => (items += call.items.length) > this.limits.most && n > 0);
    return this.waiting.splice(0, fits === -1 ? this.waiting.length : fits);
  }
}
