export interface GatheringLimits {
  /** Items of one run, unless a single call brings more. */
  readonly most: number;
  /** Runs under way beside each other. */
  readonly atOnce: number;
  /** While work piles up, what comes waits so long for company, milliseconds. 0: it waits only for room. */
  readonly companyMs: number;
  /** What comes waits so long for more, whether or not work piles up, unless that fills a run, milliseconds. */
  readonly lingerMs: number;
}

export interface ItemTraits<Item> {
  keyOf(item: Item): string;
  /** Nobody is kept waiting for it: while work piles up, it waits for what is to go on, and shares its run. */
  canWait(item: Item): boolean;
}

/** Has an item join a call that waits, behind its last one, and reads it only then; false once the call's run has begun, or is full, or where there is no item. */
export type JoinCall<Item> = (read: () => Item | undefined) => boolean;

/** A run of so many keys is crowded, not counting what can wait: what one order brings waits for nothing. */
const CROWDED_FROM_KEYS = 2;
/** Work piles up for so long after a crowded run: longer than two beats of the relay (`PUBLISH_BEAT_MS`) are apart, milliseconds. */
const PILES_UP_MS = 150;
/** What can wait does so for this long, at most: most often, what is to go on comes before, milliseconds. */
const LONGEST_WAIT_MS = 80;

interface Call<Item> {
  readonly items: Item[];
  readonly settled: PromiseWithResolvers<void>;
  readonly since: number;
  /** Since when it has had an item that is not to wait. */
  urgentSince: number;
}

/**
 * Runs together what comes in one turn of the event loop, at the end of that turn if there is room; what comes later shares the next run. Items of one call
 * stay together, in their order. While work piles up, a run begins a little later than it could, so that it is of more items.
 */
export class Gathering<Item> {
  private readonly waiting: Call<Item>[] = [];
  private running = 0;
  private beginning = false;
  private timer: NodeJS.Timeout | undefined;
  private crowdedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly run: (items: readonly Item[]) => Promise<void>,
    private readonly traits: ItemTraits<Item>,
    private readonly limits: GatheringLimits,
  ) {}

  /** Settles as the run does that the items were part of. Of a call that others can `join`, what can wait does. */
  add(items: readonly Item[], joinable?: (join: JoinCall<Item>) => void): Promise<void> {
    const now = performance.now();
    const urgent = !joinable || !items.every(this.traits.canWait);
    const call: Call<Item> = {
      items: [...items],
      settled: Promise.withResolvers<void>(),
      since: now,
      urgentSince: urgent ? now : Number.POSITIVE_INFINITY,
    };
    this.waiting.push(call);
    joinable?.((read) => this.join(call, read));
    this.beginSoon();
    return call.settled.promise;
  }

  private join(call: Call<Item>, read: () => Item | undefined): boolean {
    if (call.items.length >= this.limits.most || !this.waiting.includes(call)) return false;
    const item = read();
    if (item === undefined) return false;
    call.items.push(item);
    if (!this.traits.canWait(item)) call.urgentSince = Math.min(call.urgentSince, performance.now());
    this.beginSoon();
    return true;
  }

  private beginSoon(): void {
    if (this.beginning) return;
    this.beginning = true;
    setImmediate(() => {
      this.beginning = false;
      while (this.running < this.limits.atOnce && this.waiting.length > 0 && !this.waits()) void this.runNext();
    });
  }

  /** Whether what waits may still have company; if so, it is looked at again in time. */
  private waits(): boolean {
    const count = this.waiting.reduce((sum, { items }) => sum + items.length, 0);
    if (count >= this.limits.most) return false;
    const left = Math.min(...this.waiting.map((call) => this.dueAt(call))) - performance.now();
    if (left <= 0) return false;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.beginSoon(), left);
    return true;
  }

  private dueAt({ since, urgentSince }: Call<Item>): number {
    const { companyMs, lingerMs } = this.limits;
    if (lingerMs > 0) return since + lingerMs;
    if (companyMs === 0 || performance.now() - this.crowdedAt > PILES_UP_MS) return since;
    return Math.min(urgentSince + companyMs, since + LONGEST_WAIT_MS);
  }

  private async runNext(): Promise<void> {
    this.running++;
    const calls = this.next();
    const items = calls.flatMap((call) => call.items);
    const urgent = items.filter((item) => !this.traits.canWait(item));
    if (new Set(urgent.map(this.traits.keyOf)).size >= CROWDED_FROM_KEYS) this.crowdedAt = performance.now();
    try {
      await this.run(items);
      for (const { settled } of calls) settled.resolve();
    } catch (error) {
      for (const { settled } of calls) settled.reject(error);
    }
    this.running--;
    this.beginSoon();
  }

  private next() {
    let items = 0;
    const fits = this.waiting.findIndex((call, n) => (items += call.items.length) > this.limits.most && n > 0);
    return this.waiting.splice(0, fits === -1 ? this.waiting.length : fits);
  }
}
