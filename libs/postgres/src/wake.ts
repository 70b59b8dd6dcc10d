/** A bell: a ring while nobody waits is kept for the next who does. */
export class Wake {
  private rung = false;
  private waiting: (() => void) | undefined;

  now(): void {
    this.rung = true;
    this.waiting?.();
  }

  /** Resolves at the next ring, or after this many milliseconds, or at once when it needs no waiting. */
  async within(ms: number, isNeedless: () => boolean = () => false): Promise<void> {
    if (!this.rung && !isNeedless()) {
      await new Promise<void>((resume) => {
        const timer = setTimeout(resume, ms);
        this.waiting = () => {
          clearTimeout(timer);
          resume();
        };
      });
    }
    this.waiting = undefined;
    this.rung = false;
  }
}
