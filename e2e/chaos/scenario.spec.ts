import { describe, expect, it } from 'vitest';
import { inWords, scenarioOf, type Fault } from './scenario.js';
import { STEADY, STEADY_STEPS } from './seeds.js';

const transports = ['postgres', 'rabbitmq', 'kafka'] as const;
const long = (transport: (typeof transports)[number], replicas = 2) => scenarioOf(42, 500, transport, replicas);
const kinds = (faults: readonly Fault[]) => [...new Set(faults.map(({ kind }) => kind))].toSorted();

describe('a scenario', () => {
  it('is the same for the same seed, and another one for another', () => {
    expect(long('kafka')).toEqual(long('kafka'));
    expect(scenarioOf(43, 500, 'kafka', 2)).not.toEqual(long('kafka'));
  });

  it('begins alike, however many steps are asked for', () => {
    expect(scenarioOf(42, 20, 'kafka', 2)).toEqual(long('kafka').slice(0, 20));
  });

  it.each(transports)('has every kind of fault on %s', (transport) => {
    expect(kinds(long(transport).map(({ fault }) => fault))).toEqual(
      [
        'cut',
        'duplicates',
        'fail-point',
        'hang',
        'kill',
        'kill-store',
        'pause',
        'provider',
        'restart',
        'slow',
      ].toSorted(),
    );
  });

  it('kills a broker only where there is one', () => {
    const killsBroker = ({ fault }: { fault: Fault }) => fault.kind === 'kill-store' && fault.store === 'broker';
    expect(transports.map((transport) => long(transport).some(killsBroker))).toEqual([false, true, true]);
  });

  it('names no replica that does not run', () => {
    const replicas = long('rabbitmq', 1).flatMap(({ fault }) => ('replica' in fault ? [fault.replica] : []));
    expect(new Set(replicas)).toEqual(new Set([0]));
  });

  it('keeps every fault within 25 s', () => {
    expect(Math.max(...long('kafka').map(({ forMs }) => forMs))).toBeLessThanOrEqual(25_000);
  });

  it.each(transports)(
    'that is played with every run of the tests on %s has at least seven kinds of faults',
    (transport) => {
      const steps = scenarioOf(STEADY[transport], STEADY_STEPS, transport, 2);
      expect(kinds(steps.map(({ fault }) => fault)).length).toBeGreaterThanOrEqual(7);
    },
  );

  it('reads as a line each', () => {
    const step = (fault: Fault, forMs = 0) => inWords({ fault, forMs, afterMs: 0 });
    expect([
      step({ kind: 'kill', app: 'inventory', replica: 1 }),
      step({ kind: 'fail-point', service: 'payment', point: 'after-call' }, 2_000),
      step({ kind: 'hang', link: 'payment' }, 1_500),
      step({ kind: 'slow', link: 'broker', latencyMs: 300 }, 2_000),
      step({ kind: 'kill-store', store: 'database' }),
      step({ kind: 'provider', switches: { failureRate: 0.5 } }, 3_000),
    ]).toEqual([
      'kill inventory-2',
      'kill whoever passes payment after-call for 2.0 s',
      'hang database of payment for 1.5 s',
      'slow broker by 300 ms for 2.0 s',
      'kill database',
      'payment-provider {"failureRate":0.5} for 3.0 s',
    ]);
  });
});
