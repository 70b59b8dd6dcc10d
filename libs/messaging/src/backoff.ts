import { setTimeout as pause } from 'node:timers/promises';

/** Pauses that double up to a cap, each between half and the whole of it, so that replicas do not come back in step. */
export class Backoff {
  private attempts = 0;

  constructor(
    private readonly baseMs: number,
    private readonly capMs: number,
  ) {}

  /** Milliseconds until the next attempt. */
  next(): number {
    const bound = Math.min(this.capMs, this.baseMs * 2 ** this.attempts++);
    return bound / 2 + (Math.random() * bound) / 2;
  }

  reset(): void {
    this.attempts = 0;
  }

  /** Resolves after the next pause, or as soon as the signal is given. */
  async pause(signal: AbortSignal): Promise<void> {
    await pause(this.next(), undefined, { signal }).catch(() => {});
  }
}
