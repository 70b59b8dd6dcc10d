import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  handleWhen,
  SamplingBreaker,
  type CircuitBreakerPolicy,
  type IBackoff,
} from 'cockatiel';
import { Postponed } from '#libs/messaging';

export interface BreakerLimits {
  /** Opens when more than this part of the calls failed, 0 to 1, … */
  readonly failureRate: number;
  /** … of those within this many milliseconds, … */
  readonly windowMs: number;
  /** … provided there were as many. */
  readonly minCalls: number;
  /** Milliseconds until it is asked whether it is back; doubles each time that it is not, … */
  readonly openMs: number;
  /** … up to this. */
  readonly maxOpenMs: number;
}

export interface BreakerEvents {
  /** Taken for down, and asked again after so many milliseconds. */
  opened(reason: string, inMs: number): void;
  /** One call is let through to see. */
  probes(): void;
  closed(): void;
}

export type BreakerState = 'closed' | 'half-open' | 'open';

/** Others wait while one call finds out; and when the time has come, not all look at one moment. */
const SPREAD_MS = 500;

/**
 * Keeps calls away from what is down. While it is open, or one call finds out whether it still has to be, the others are `Postponed`:
 * nothing was called, and nothing counts as an attempt.
 */
export class Breaker {
  private readonly policy: CircuitBreakerPolicy;
  private reopensAt = 0;

  constructor(
    readonly name: string,
    private readonly limits: BreakerLimits,
    isFailure: (error: Error) => boolean,
    events: BreakerEvents,
  ) {
    const { failureRate, windowMs, minCalls } = limits;
    this.policy = circuitBreaker(handleWhen(isFailure), {
      breaker: new SamplingBreaker({
        threshold: failureRate,
        duration: windowMs,
        minimumRps: minCalls / (windowMs / 1000),
      }),
      halfOpenAfter: { next: () => this.pause(limits.openMs) },
    });
    this.policy.onBreak((reason) => events.opened(reasonOf(reason), this.remainingMs));
    this.policy.onHalfOpen(() => events.probes());
    this.policy.onReset(() => events.closed());
  }

  get state(): BreakerState {
    if (this.policy.state === CircuitState.Closed) return 'closed';
    return this.policy.state === CircuitState.HalfOpen ? 'half-open' : 'open';
  }

  /** Settles as `call` does. @throws Postponed without calling it while it is taken for down */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.policy.state === CircuitState.HalfOpen) throw this.postponed();
    try {
      return await this.policy.execute(call);
    } catch (error) {
      throw error instanceof BrokenCircuitError ? this.postponed() : error;
    }
  }

  private get remainingMs(): number {
    return Math.max(0, this.reopensAt - Date.now());
  }

  private postponed(): Postponed {
    return new Postponed(`${this.name} is down`, Math.ceil(this.remainingMs + Math.random() * SPREAD_MS));
  }

  private pause(ms: number): IBackoff<unknown> {
    const duration = Math.min(ms, this.limits.maxOpenMs);
    this.reopensAt = Date.now() + duration;
    return { duration, next: () => this.pause(2 * duration) };
  }
}

function reasonOf(reason: object): string {
  return 'error' in reason && reason.error instanceof Error ? reason.error.message : 'no answer';
}
