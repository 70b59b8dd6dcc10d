/** Wakes one waiter; set while nobody waits, it lets the next one through at once. */
export class Signal {
  private isSet = false;
  private release: (() => void) | undefined;

  set(): void {
    this.isSet = true;
    this.release?.();
  }

  /** Resolves when set, or after `ms` milliseconds. */
  async wait(ms: number): Promise<void> {
    if (!this.isSet) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.release = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.release = undefined;
    }
    this.isSet = false;
  }
}
