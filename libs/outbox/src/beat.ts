/** What goes out in one go shows that work piles up from so many messages on. */
const CROWDED_FROM = 2;
/** Work piles up for so many beats after that. */
const BEATS_APART = 2;

/** While work piles up, has it go out on a beat, the first of it at once: what then goes from service to service together shares transactions all the way. */
export class Beat {
  private lastAt = Number.NEGATIVE_INFINITY;
  private crowdedAt = Number.NEGATIVE_INFINITY;

  /** `everyMs` 0: nothing is held. */
  constructor(private readonly everyMs: number) {}

  /** For how long what waits is to be held, milliseconds. */
  get holdMs(): number {
    const now = performance.now();
    if (now - this.crowdedAt >= BEATS_APART * this.everyMs) return 0;
    return Math.max(0, this.lastAt + this.everyMs - now);
  }

  /** So many messages go out now. */
  struck(messages: number): void {
    this.lastAt = performance.now();
    if (messages >= CROWDED_FROM) this.crowdedAt = this.lastAt;
  }
}
