/** First in, first out per key, with at most one item of a key taken at a time. */
export class KeyedQueue<T extends { readonly key: string }> {
  private waiting: T[] = [];
  private readonly taken = new Set<string>();

  /** All that was pushed and has not been settled. */
  get unsettled(): number {
    return this.waiting.length + this.taken.size;
  }

  push(items: readonly T[]): void {
    this.waiting.push(...items);
  }

  /** The oldest items whose keys are free, one per key; each is to be settled or put back. */
  take(max: number): T[] {
    const now: T[] = [];
    const later: T[] = [];
    for (const item of this.waiting) {
      if (now.length < max && !this.taken.has(item.key)) {
        this.taken.add(item.key);
        now.push(item);
      } else {
        later.push(item);
      }
    }
    this.waiting = later;
    return now;
  }

  /** All of a key that waits: it is in the queue no more. */
  drop(key: string): T[] {
    const dropped = this.waiting.filter((item) => item.key === key);
    this.waiting = this.waiting.filter((item) => item.key !== key);
    return dropped;
  }

  settle(items: readonly T[]): void {
    for (const item of items) this.taken.delete(item.key);
  }

  /** Before all that waits: their successors have not been taken meanwhile. */
  putBack(items: readonly T[]): void {
    this.settle(items);
    this.waiting = [...items, ...this.waiting];
  }
}
