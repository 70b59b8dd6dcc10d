export interface GatheringLimits {
  /** Items of one run, unless a single call brings more. */
  readonly most: number;
  /** Runs under way beside each other. */
  readonly atOnce: number;
  /** While work piles up, the next run begins this long after the last at the earliest, milliseconds. */
  readonly paceMs: number;
  /** What comes waits so long for more, unless that fills a run, milliseconds. 0: it waits only for room. */
  readonly lingerMs: number;
}

/** A run of so many keys is crowded: what one order brings waits for nothing. */
const CROWDED_FROM_KEYS = 2;
/** Work piles up where crowded runs come within so many paces of each other; a single one may be what somebody else sent together. */
const PACES_APART = 2;

interface Call<Item> {
  readonly items: readonly Item[];
  readonly settled: PromiseWithResolvers<void>;
  readonly since: number;
}

/**
 * Runs together what comes in one turn of the event loop, at the end of that turn if there is room; what comes later shares the next run. Items of one call
 * stay together, in their order. While work piles up, runs keep a pace, so that each is of more items: their callers go on together, once the next run may begin.
 * Where what comes lingers, runs are of more items anyway, and keep none.
 */
export class Gathering<Item> {
  private readonly waiting: Call<Item>[] = [];
  private running = 0;
  private beginning = false;
  private resting = false;
  private lingering: NodeJS.Timeout | undefined;
  private crowdedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly run: (items: readonly Item[]) => Promise<void>,
    private readonly keyOf: (item: Item) => string,
    private readonly limits: GatheringLimits,
  ) {}

  /** Settles as the run does that the items were part of. */
  add(items: readonly Item[]): Promise<void> {
    const settled = Promise.withResolvers<void>();
    this.waiting.push({ items, settled, since: performance.now() });
    this.beginSoon();
    return settled.promise;
  }

  private beginSoon(): void {
    if (this.beginning) return;
    this.beginning = true;
    setImmediate(() => {
      this.beginning = false;
      while (this.running < this.limits.atOnce && !this.resting && this.waiting.length > 0 && !this.lingers())
        void this.runNext();
    });
  }

  /** Whether what waits may still have company; if so, it is looked at again in time. */
  private lingers(): boolean {
    const { most, lingerMs } = this.limits;
    const left = this.waiting[0]!.since + lingerMs - performance.now();
    if (left <= 0 || this.waiting.reduce((sum, { items }) => sum + items.length, 0) >= most) return false;
    this.lingering ??= setTimeout(() => {
      this.lingering = undefined;
      this.beginSoon();
    }, left);
    return true;
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

  /** Whether this run is one of several crowded ones, which it is to be asked once for. A run that is full has nothing to gain from waiting. */
  private pilesUp(items: readonly Item[]): boolean {
    const { paceMs, lingerMs, most } = this.limits;
    if (paceMs === 0 || lingerMs > 0 || new Set(items.map(this.keyOf)).size < CROWDED_FROM_KEYS) return false;
    const before = this.crowdedAt;
    this.crowdedAt = performance.now();
    return this.crowdedAt - before <= PACES_APART * paceMs && items.length < most;
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
