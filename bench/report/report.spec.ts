import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ExperimentName, type Found, reportFolder, type Result, Results } from '../results.js';
import { barChart } from './chart.js';
import { around, number, table } from './markdown.js';
import { reportOf, writeReport } from './report.js';
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

  it('says where the interval contains what is wanted', () => {
    const about = (median: number, low: number, high: number) => ({
      ...saga(1),
      ratio: { median, low, high, of: 7 },
    });
    const text = reportOf(
      Results.of([
        result('saga', 'rabbitmq', about(1.1, 0.9, 1.3)),
        result('saga', 'postgres', about(0.9, 0.8, 1)),
        result('saga', 'kafka', about(0.9, 0.8, 1)),
      ]),
    );
    expect(text).toContain(
      '| orders per second ÷ the floor, rabbitmq | ≥ 1.0 | 1.1 (0.9–1.3) | yes, but not told apart |',
    );
    expect(text).toContain(
      '| orders per second ÷ the floor, postgres | ≥ 1.0 | 0.9 (0.8–1) | **no**, but not told apart |',
    );
    expect(text).toContain('| orders per second ÷ the floor, kafka | ≥ 0.8 | 0.9 (0.8–1) | yes |');
  });

  it('judges growth by the CPU time of PostgreSQL, whatever that of the services does, and tells of statements', () => {
    const size = (pastOrders: number, services: number, postgres: number, statements: number) => ({
      pastOrders,
      perSecond: exactly(100),
      servicesCpu: exactly(services),
      postgresCpu: exactly(postgres),
      statementMs: exactly(statements),
      walBytes: exactly(1_000),
    });
    const found = { concurrency: 64, sizes: [size(10_000, 9_000, 3_000, 2), size(1_000_000, 6_000, 3_600, 3)] };
    const results = Results.of([result('growth', 'postgres', found)]);
    expect(targetsOf(results).at(-1)).toMatchObject({ measured: '1.2 (1.2–1.2)', holds: false });
    expect(reportOf(results)).toContain('1.5 (1.5–1.5) times as long in statements');
  });

  it('compares the relay with another one polling and by the fastest of its ways, and tells what the client alone leaves room for', () => {
    const relay = {
      relay: exactly(3_000),
      bare: exactly(4_000),
      ratio: exactly(0.75),
      usual: { polling: exactly(100), one: exactly(300), all: exactly(1_000) },
    };
    const text = reportOf(Results.of([result('relay', 'rabbitmq', relay)]));
    expect(text).toContain('| relay ÷ pg-transactional-outbox, polling, rabbitmq | ≥ 20 | 30 (30–30) | yes |');
    expect(text).toContain(
      '| relay ÷ pg-transactional-outbox, the fastest of its ways, rabbitmq | ≥ 20 | 3 (3–3) | **no** |',
    );
    expect(text).toContain('4,000 rows/s confirmed, 4 times the fastest of these');
  });

  it('names the service whose memory grew the most', () => {
    const look = (orders: number, order: number, inventory: number) => ({
      orders,
      bytes: { order, inventory },
      total: order + inventory,
    });
    const found = { concurrency: 64, after: [look(10_000, 100, 100), look(100_000, 101, 125)] };
    const memory = targetsOf(Results.of([result('memory', 'postgres', found)])).at(-2);
    expect(memory).toMatchObject({ measured: '1.13; inventory alone 1.25', holds: true });
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

  it('says of rows that count as Node what is not listed that they do', () => {
    const text = (purpose: string) =>
      reportOf(
        Results.of([
          result('peers', 'rabbitmq', { systems: {} }),
          result('purposes', 'rabbitmq', { systems: { farandole: { [purpose]: 900 } } }),
        ]),
      );
    expect(text('Node itself')).toContain('| Node itself, and what is not listed | 900 |');
    expect(text('Node and V8')).toContain('| Node and V8 | 900 |');
  });

  it('ties commit and servers to the command that was run, where they are told', () => {
    const { machine, ...rest } = result('saga', 'rabbitmq', saga(1));
    const told = { ...machine, commit: 'def, changed', servers: { PostgreSQL: '17.1', RabbitMQ: '4.2.0' } };
    const text = reportOf(Results.of([{ ...rest, machine: told }]));
    expect(text).toContain('`npm run bench -- saga` | def, changed | PostgreSQL 17.1, RabbitMQ 4.2.0 |');
    const before = reportOf(Results.of([{ ...rest, machine }]));
    expect(before).toContain('`npm run bench -- saga` | abc | – |');
  });

  it('warns of quick runs', () => {
    const quick = { ...result('saga', 'rabbitmq', saga(1)), quick: true };
    expect(reportOf(Results.of([quick]))).toContain('Of quick runs');
  });

  it('of quick runs takes the place of no other', async () => {
    expect(reportFolder(true)).toBe(join(reportFolder(false), 'results', 'quick'));
    const folder = await mkdtemp(join(tmpdir(), 'farandole-spec-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const quick = { ...result('saga', 'rabbitmq', saga(1)), quick: true };
    const file = await writeReport(Results.of([quick]), folder);
    expect(file).toBe(join(folder, 'RESULTS.md'));
    const text = await readFile(file, 'utf8');
    const [, chart] = /!\[Orders per second\]\((.+)\)/.exec(text)!;
    expect(await readFile(join(folder, chart!), 'utf8')).toContain('<svg');
    expect(text).toContain('[results](.)');
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
