import { describe, expect, it } from 'vitest';
import { type ExperimentName, type Found, type Result, Results } from '../results.js';
import { barChart } from './chart.js';
import { around, number, table } from './markdown.js';
import { reportOf } from './report.js';
import { targetsOf } from './targets.js';

const exactly = (value: number) => ({ median: value, low: value, high: value, of: 7 });

function result<Name extends ExperimentName>(experiment: Name, on: string, found: Partial<Found[Name]>): Result {
  const machine = { cpu: 'a CPU', cores: 2, memoryGb: 8, system: 'Linux', node: 'v24', commit: 'abc', packages: {} };
  const command = `npm run bench -- ${experiment}`;
  const at = '2026-01-02T03:04:05.000Z';
  return { experiment, on, command, at, tookSeconds: 1, quick: false, machine, found: found as Found[Name] };
}

const saga = (ratio: number) => ({
  batch: 100,
  concurrency: 64,
  perSecond: exactly(300),
  floorPerSecond: exactly(300 / ratio),
  ratio: exactly(ratio),
  pairs: [],
  dropped: 0,
  settledMs: { p50: 200, p95: 300, p99: 400 },
  cost: {
    orders: 1,
    cpu: { services: { order: 900 }, provider: 1, postgres: 2, broker: 3, bench: 4 },
    writeTransactions: 1,
    walSyncs: 1,
    statements: 1,
    walBytes: 1,
    eventsStated: 7,
    deliveriesClaimed: 16,
  },
});

describe('the report', () => {
  it('says of each number whether it holds, and of what was not measured that it was not', () => {
    const targets = targetsOf(
      Results.of([result('saga', 'rabbitmq', saga(0.99)), result('saga', 'postgres', saga(1.2))]),
    );
    const holds = (what: string) => targets.find((target) => target.what === what)?.holds;
    expect(holds('orders per second ÷ the floor, rabbitmq')).toBe(false);
    expect(holds('orders per second ÷ the floor, postgres')).toBe(true);
    expect(holds('orders per second ÷ the floor, kafka')).toBeUndefined();
  });

  it('takes a ratio of no pairs for not measured', () => {
    const none = { ...saga(1), ratio: { median: null, low: null, high: null, of: 0 } as never };
    const [target] = targetsOf(Results.of([result('saga', 'rabbitmq', none)]));
    expect(target).toMatchObject({ measured: undefined, holds: undefined });
  });

  it('leaves out sections of what was not measured', () => {
    const text = reportOf(Results.of([result('saga', 'rabbitmq', saga(0.99))]));
    expect(text).toContain('| rabbitmq | 64 | 300 (300–300) |');
    expect(text).toContain('**no**');
    expect(text).not.toContain('## Memory');
  });

  it('says which rows of half load had one draw of arrivals', () => {
    const half = {
      perSecond: 66.1,
      settled: { p50: exactly(100), p95: exactly(200), p99: exactly(300) },
    };
    const text = (found: Partial<Found['latency']>) => reportOf(Results.of([result('latency', 'rabbitmq', found)]));
    expect(text(half)).toContain('the same arrivals in each repetition');
    expect(text({ ...half, ordersPerRepetition: 661 })).not.toContain('the same arrivals');
    expect(text({ ...half, ordersPerRepetition: 661 })).toContain('| rabbitmq, half load | 66.1 | 661 |');
  });

  it('warns of quick runs', () => {
    const quick = { ...result('saga', 'rabbitmq', saga(1)), quick: true };
    expect(reportOf(Results.of([quick]))).toContain('Of quick runs');
  });

  it('writes numbers with as many digits as they are worth', () => {
    expect([1234.5, 99.94, 0.01234, Number.NaN].map(number)).toEqual(['1,235', '99.9', '0.0123', '–']);
    expect(around({ median: 1.2345, low: 1, high: 2, of: 7 })).toBe('1.23 (1–2)');
    expect(table(['a', 'b'], [])).toBe('');
  });

  it('draws each bar as long as its value', () => {
    const bars = [
      { label: 'a & b', value: 50, low: 40, high: 60 },
      { label: 'c', value: 100, low: 90, high: 100, beside: true },
    ];
    const svg = barChart('Title', 'ms', [bars]);
    expect(svg).toContain('a &amp; b');
    expect([...svg.matchAll(/rect class="\w+" .*? width="([\d.]+)"/g)].map(([, width]) => Number(width))).toEqual([
      210, 420,
    ]);
  });
});
