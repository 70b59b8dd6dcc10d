import { metrics } from '@opentelemetry/api';
import { Breaker, type BreakerLimits, type BreakerState } from './breaker.js';
import type { Log } from './log.js';
import type { Settings } from './settings.js';

const LEVELS: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 };

/** Makes the breakers of a service, and tells of them in its log, its metrics and its health. */
export class Breakers {
  private readonly made = new Map<string, Breaker>();
  private readonly limits: BreakerLimits;

  constructor(
    settings: Settings,
    private readonly log: Log,
  ) {
    this.limits = limitsOf(settings);
    metrics
      .getMeter('farandole.service')
      .createObservableGauge('farandole.breaker.state', {
        description: 'Whether what a service calls is taken for down: 0 closed, 1 half-open, 2 open',
        unit: '1',
      })
      .addCallback((gauge) => {
        for (const { name, state } of this.all) gauge.observe(LEVELS[state], { breaker: name });
      });
  }

  get all(): readonly Breaker[] {
    return [...this.made.values()];
  }

  /** `isFailure` tells what speaks of the one who is called, rather than of what it was asked. */
  make(name: string, isFailure: (error: Error) => boolean): Breaker {
    const { log } = this;
    const breaker = new Breaker(name, this.limits, isFailure, {
      opened: (reason, inMs) =>
        log.warn(
          { event: 'breaker_opened', breaker: name, in_ms: inMs, reason },
          `${name} is taken for down, asked again in ${inMs} ms; what needs it waits: ${reason}`,
        ),
      probes: () =>
        log.info({ event: 'breaker_half_open', breaker: name }, `${name}: one call finds out if it is back`),
      closed: () => log.info({ event: 'breaker_closed', breaker: name }, `${name} is back, what waited goes on`),
    });
    this.made.set(name, breaker);
    return breaker;
  }
}

function limitsOf(settings: Settings): BreakerLimits {
  return {
    failureRate: settings.BREAKER_FAILURE_RATE,
    windowMs: settings.BREAKER_WINDOW_MS,
    minCalls: settings.BREAKER_MIN_CALLS,
    openMs: settings.BREAKER_OPEN_MS,
    maxOpenMs: settings.BREAKER_MAX_OPEN_MS,
  };
}
