import { Inject, Injectable, Optional, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { metrics } from '@opentelemetry/api';
import type { FastifyReply } from 'fastify';
import { DataSource } from 'typeorm';
import type { Log } from './log.js';
import { Problem } from './problem.js';
import type { Settings } from './settings.js';
import { LOG, SETTINGS, STRAINS } from './tokens.js';

/** Why no more can be taken at the moment. */
interface Strain {
  /** One of few words, for the metric. */
  readonly reason: string;
  /** For whoever is turned away. */
  readonly detail: string;
}

/** Looks for a strain of a service's own kind. */
export interface StrainGauge extends Pick<Strain, 'reason'> {
  /** Resolves with its detail while there is one. It is asked four times a second at most, and has to be cheap when there is much as well. */
  find(): Promise<string | undefined>;
}

const SAMPLE_MS = 250;
/** A sample this old says nothing any more. */
const STALE_MS = 5_000;
const LOG_MS = 10_000;
const RETRY_AFTER_S = 5;

/** So many old events are no reason to take nothing more: they may be what the broker refuses, which holds up their own keys alone. */
const FEW_EVENTS = 10;

const OUTBOX = `select exists (select from outbox offset $1) as deep, coalesce((
  select extract(epoch from now() - created_at) * 1000 from outbox order by id offset ${FEW_EVENTS} limit 1), 0)::float8 as age`;

/**
 * `@UseGuards(Backpressure)` on what takes work on: it answers 503 with `Retry-After`, without having begun anything, while the service does not get rid
 * of what it has taken: its outbox is too old or too deep, too many requests are under way, or a strain of its own.
 */
@Injectable()
export class Backpressure implements CanActivate {
  private strain: Strain | undefined;
  private sampledAt = -Infinity;
  private sampling: Promise<void> | undefined;
  private underWay = 0;
  private readonly shed = { count: 0, toldAt: -Infinity };
  private readonly counter = metrics.getMeter('farandole.service').createCounter('farandole.requests.shed', {
    description: 'Requests that were told to come again later, by reason',
    unit: '{request}',
  });

  constructor(
    private readonly database: DataSource,
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOG) private readonly log: Log,
    @Optional() @Inject(STRAINS) private readonly own: readonly StrainGauge[] = [],
  ) {
    // So that the first one is seen as an increase.
    const reasons = ['outbox_age', 'outbox_depth', 'requests', ...own.map(({ reason }) => reason)];
    for (const reason of reasons) this.counter.add(0, { reason });
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const crowd = this.crowd();
    if (crowd) throw this.turnedAway(crowd);
    this.countUntilClosed(context.switchToHttp().getResponse<FastifyReply>());
    const strain = await this.current();
    if (strain) throw this.turnedAway(strain);
    return true;
  }

  /** To be called before anything is waited for: whoever hangs up meanwhile is told of once, and whoever waits counts. */
  private countUntilClosed({ raw }: FastifyReply): void {
    if (raw.closed) return;
    this.underWay++;
    raw.once('close', () => this.underWay--);
  }

  private crowd(): Strain | undefined {
    const most = this.settings.REQUESTS_MAX_PENDING;
    return this.underWay < most
      ? undefined
      : { reason: 'requests', detail: `${most} requests are being answered already` };
  }

  /** As of a moment ago; nobody waits for a look but after a quiet time. */
  private async current(): Promise<Strain | undefined> {
    const age = performance.now() - this.sampledAt;
    if (age > SAMPLE_MS) this.sampling ??= this.sample().finally(() => (this.sampling = undefined));
    if (age > STALE_MS) await this.sampling;
    return this.strain;
  }

  /** A database that does not answer is no strain: the request itself will say so. */
  private async sample(): Promise<void> {
    const found = await Promise.all([this.outbox(), ...this.own.map(strainOf)]).catch(() => []);
    this.strain = found.find((one) => one !== undefined);
    this.sampledAt = performance.now();
  }

  private async outbox(): Promise<Strain | undefined> {
    const { OUTBOX_MAX_AGE_MS, OUTBOX_MAX_DEPTH, PUBLISH } = this.settings;
    const [row] = await this.database.query<{ deep: boolean; age: number }[]>(OUTBOX, [OUTBOX_MAX_DEPTH]);
    // What is kept on purpose, while the transport is changed, may be old.
    if (PUBLISH && row!.age > OUTBOX_MAX_AGE_MS) {
      const seconds = Math.round(row!.age / 1000);
      return { reason: 'outbox_age', detail: `what was taken before could not be passed on for ${seconds} s` };
    }
    return row!.deep
      ? { reason: 'outbox_depth', detail: `more than ${OUTBOX_MAX_DEPTH} events wait to be passed on` }
      : undefined;
  }

  private turnedAway({ reason, detail }: Strain): Problem {
    this.counter.add(1, { reason });
    this.shed.count++;
    if (performance.now() - this.shed.toldAt > LOG_MS) {
      this.log.warn(
        { event: 'requests_shed', reason, count: this.shed.count },
        `${this.shed.count} requests were told to come again later: ${detail}`,
      );
      Object.assign(this.shed, { count: 0, toldAt: performance.now() });
    }
    return new Problem({
      status: 503,
      type: 'overloaded',
      title: 'No more can be taken at the moment; try again later',
      detail,
      retryAfter: RETRY_AFTER_S,
    });
  }
}

async function strainOf(gauge: StrainGauge): Promise<Strain | undefined> {
  const detail = await gauge.find();
  return detail === undefined ? undefined : { reason: gauge.reason, detail };
}
