/** One holder at a time, in the order of asking. */
export class Turn {
  private last: Promise<void> = Promise.resolve();
  private holders = 0;

  /** Nobody has it or waits for it: asked for now, it is given at once. */
  get isFree(): boolean {
    return this.holders === 0;
  }

  /** Resolves with what gives it back. */
  take(): Promise<() => void> {
    this.holders++;
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = this.last;
    this.last = promise;
    return before.then(() => () => {
      this.holders--;
      resolve();
    });
  }

  /** Has it while `work` is under way, and settles as that does. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const giveBack = await this.take();
    try {
      return await work();
    } finally {
      giveBack();
    }
  }
}
