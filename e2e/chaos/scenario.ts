import * as fc from 'fast-check';
import { FAIL_POINTS, type FailPoint } from '#libs/messaging';
import { services, type AppName, type ServiceName } from '../../tools/platform/apps.js';
import type { Store } from '../stores.js';

/** What goes wrong. */
export type Fault =
  /** `kill` and `restart` are over when it runs again; paused (SIGSTOP) it keeps its connections and locks. */
  | { readonly kind: 'kill' | 'restart' | 'pause'; readonly app: AppName; readonly replica: number }
  /** Whichever replica passes that line of its code meanwhile dies of it, once. */
  | { readonly kind: 'fail-point'; readonly service: ServiceName; readonly point: FailPoint }
  | { readonly kind: 'kill-store'; readonly store: StoreName }
  /** Connections end and new ones are refused, nothing goes through, or all that comes back is late. */
  | { readonly kind: 'cut' | 'hang'; readonly link: LinkName }
  | { readonly kind: 'slow'; readonly link: LinkName; readonly latencyMs: number }
  | { readonly kind: 'provider'; readonly switches: Switches }
  /** So many of the last messages are published again, under the ids they have. */
  | { readonly kind: 'duplicates'; readonly count: number };

/** Of the payment provider; what is left out is switched off. */
export type Switches = Partial<Readonly<{ outage: boolean; failureRate: number; latencyMs: number }>>;

export type StoreName = 'database' | 'broker';

/** What lies between the services and the broker, or between one of them and its database. */
export type LinkName = 'broker' | ServiceName;

/** The fault stays for `forMs`, where it does not end by itself; the next step begins `afterMs` after this one began. */
export interface Step {
  readonly fault: Fault;
  readonly forMs: number;
  readonly afterMs: number;
}

/** So many steps for a system on that transport, `replicas` processes of each service; a seed stands for the same ones each time. */
export function scenarioOf(seed: number, steps: number, transport: Store['name'], replicas: number): readonly Step[] {
  const step = fc.oneof(
    ...familiesOf(transport, replicas).map(({ weight, fault, forMs }) => ({
      weight,
      arbitrary: fc.record({ fault, forMs, afterMs: fc.integer({ min: 300, max: 3_000 }) }),
    })),
  );
  return fc.sample<Step>(step, { seed, numRuns: steps, unbiased: true });
}

interface Family {
  /** How often it is chosen, compared with the others. */
  readonly weight: number;
  readonly fault: fc.Arbitrary<Fault>;
  readonly forMs: fc.Arbitrary<number>;
}

function familiesOf(transport: Store['name'], replicas: number): readonly Family[] {
  const service = fc.record({ app: fc.constantFrom(...services), replica: fc.nat(replicas - 1) });
  const anyApp = fc.oneof(
    { weight: 9, arbitrary: service },
    { weight: 1, arbitrary: fc.constant({ app: 'payment-provider' as const, replica: 0 }) },
  );
  const link = fc.oneof(
    { weight: 1, arbitrary: fc.constant('broker' as const) },
    { weight: 1, arbitrary: fc.constantFrom(...services) },
  );
  const latencyMs = fc.integer({ min: 20, max: 800 });
  const ofKind = <Kind extends string, Rest extends object>(kind: Kind, rest: fc.Arbitrary<Rest>) =>
    rest.map((more) => ({ kind, ...more }));

  const families: Family[] = [
    { weight: 6, fault: ofKind('kill', anyApp), forMs: AT_ONCE },
    { weight: 2, fault: ofKind('restart', service), forMs: AT_ONCE },
    { weight: 4, fault: ofKind('pause', anyApp), forMs: fc.oneof(SHORT, SHORT, LONG) },
    {
      weight: 4,
      fault: ofKind('fail-point', fc.constantFrom(...POINTS)),
      forMs: SHORT,
    },
    { weight: 2, fault: fc.constant({ kind: 'kill-store', store: 'database' }), forMs: AT_ONCE },
    { weight: 3, fault: ofKind('cut', fc.record({ link })), forMs: SHORT },
    { weight: 2, fault: ofKind('hang', fc.record({ link })), forMs: fc.oneof(SHORT, SHORT, LONG) },
    { weight: 3, fault: ofKind('slow', fc.record({ link, latencyMs })), forMs: SHORT },
    { weight: 3, fault: ofKind('provider', fc.record({ switches })), forMs: SHORT },
    { weight: 3, fault: ofKind('duplicates', fc.record({ count: fc.integer({ min: 1, max: 300 }) })), forMs: AT_ONCE },
  ];
  // The log of the transport postgres is a database of the same server.
  if (transport !== 'postgres')
    families.push({ weight: 2, fault: fc.constant({ kind: 'kill-store', store: 'broker' }), forMs: SHORT });
  return families;
}

/** Only these two call somebody. */
const CALLING: readonly ServiceName[] = ['payment', 'notification'];
const POINTS = services.flatMap((service) =>
  FAIL_POINTS.filter((point) => point !== 'after-call' || CALLING.includes(service)).map((point) => ({
    service,
    point,
  })),
);
const AT_ONCE = fc.constant(0);
const SHORT = fc.integer({ min: 300, max: 5_000 });
/** Longer than what sessions, heartbeats and leases last, see the settings of the stores. */
const LONG = fc.integer({ min: 11_000, max: 25_000 });

const switches: fc.Arbitrary<Switches> = fc.oneof(
  fc.constant({ outage: true }),
  fc.record({ failureRate: fc.constantFrom(0.2, 0.5, 0.8) }),
  fc.record({ latencyMs: fc.integer({ min: 200, max: 6_000 }) }),
);

/** No two faults of one target at a time. */
export function targetOf(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
    case 'restart':
    case 'pause':
      return nameOf(fault);
    case 'fail-point':
      return `${fault.service} ${fault.point}`;
    case 'kill-store':
      return fault.store;
    case 'cut':
    case 'hang':
    case 'slow':
      return fault.link === 'broker' ? 'broker' : `database of ${fault.link}`;
    case 'provider':
      return 'switches of payment-provider';
    case 'duplicates':
      return 'broker';
  }
}

/** `kill inventory 2`, `slow broker by 300 ms`: a step in a line of the timeline. */
export function inWords({ fault, forMs }: Step): string {
  const time = forMs > 0 ? ` for ${(forMs / 1000).toFixed(1)} s` : '';
  switch (fault.kind) {
    case 'kill':
    case 'restart':
    case 'pause':
    case 'cut':
    case 'hang':
      return `${fault.kind} ${targetOf(fault)}${time}`;
    case 'fail-point':
      return `kill whoever passes ${targetOf(fault)}${time}`;
    case 'kill-store':
      return `kill ${fault.store}${time}`;
    case 'slow':
      return `slow ${targetOf(fault)} by ${fault.latencyMs} ms${time}`;
    case 'provider':
      return `payment-provider ${JSON.stringify(fault.switches)}${time}`;
    case 'duplicates':
      return `publish ${fault.count} messages again`;
  }
}

/** Replicas as the platform's logs name them: the second one is `inventory-2`. */
function nameOf({ app, replica }: { readonly app: AppName; readonly replica: number }): string {
  return replica === 0 ? app : `${app}-${replica + 1}`;
}
