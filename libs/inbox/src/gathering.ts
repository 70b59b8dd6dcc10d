export interface GatheringLimits {
  /** Items of one run, unless a single call brings more. */
  readonly most: number;
  /** Runs under way beside each other. */
  readonly atOnce: number;
}

/** Runs at once what comes while there is room; what comes later shares the next run. Items of one call stay together, in their order. */
export class Gathering<Item> {
  private readonly waiting: { readonly items: readonly Item[]; readonly settled: PromiseWithResolvers<void> }[] = [];
  private running = 0;

  constructor(
    private readonly run: (items: readonly Item[]) => Promise<void>,
    private readonly limits: GatheringLimits,
  ) {}

  /** Settles as the run does that the items were part of. */
  add(items: readonly Item[]): Promise<void> {
    const settled = Promise.withResolvers<void>();
    this.waiting.push({ items, settled });
    if (this.running < this.limits.atOnce) void this.drain();
    return settled.promise;
  }

  private async drain(): Promise<void> {
    this.running++;
    while (this.waiting.length > 0) {
      const calls = this.next();
      await this.run(calls.flatMap(({ items }) => items)).then(
        () => calls.forEach(({ settled }) => settled.resolve()),
        (error: unknown) => calls.forEach(({ settled }) => settled.reject(error)),
      );
    }
    this.running--;
  }

  private next() {
    let items = 0;
    const fits = this.waiting.findIndex((call, n) => (items += call.items.length) > this.limits.most && n > 0);
    return this.waiting.splice(0, fits === -1 ? this.waiting.length : fits);
  }
}
