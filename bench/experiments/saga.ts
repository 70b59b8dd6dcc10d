import { performance } from 'node:perf_hooks';
import type { CostPerOrder } from '../cost/meter.js';
import { Floor } from '../floor/floor.js';
import { closedLoop, openLoop, type Window } from '../load/loops.js';
import { environmentOf, type Options } from '../options.js';
import { type Estimate, estimate, mean, percentile } from '../statistics.js';
import { type Bench, say, withBench } from './run.js';

/** Saga, floor, floor, saga: whatever the machine does meanwhile, it does to both. */
export interface Pair {
  readonly saga: readonly [number, number];
  readonly floor: readonly [number, number];
  readonly ratio: number;
  /** The two floors differ by more than a quarter: something else was going on. */
  readonly dropped: boolean;
}

export interface SagaFound {
  readonly concurrency: number;
  readonly batch: number;
  /** Orders per second. */
  readonly perSecond: Estimate;
  readonly floorPerSecond: Estimate;
  readonly ratio: Estimate;
  readonly pairs: readonly Pair[];
  readonly dropped: number;
  /** Orders per second of the floor by customers at once; the best was taken. */
  readonly floorCustomers: Readonly<Record<number, number>>;
  /** What the floor does for one order: a line per statement, headed by the database of each transaction. */
  readonly floorStatements: number;
  readonly floorScript: readonly (readonly string[])[];
  /** From the last order settled until nothing was left to do, milliseconds. */
  readonly drainMs: Estimate;
  readonly settledMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly cost: CostPerOrder;
}

export interface LatencyFound {
  readonly perSecond: number;
  /** Those that count; rows of former code do not tell. */
  readonly ordersPerRepetition?: number;
  /** Milliseconds from when each order was meant to be sent. */
  readonly settled: { readonly p50: Estimate; readonly p95: Estimate; readonly p99: Estimate };
  readonly cost: CostPerOrder;
}

const FLOORS_DIFFER = 0.25;
/** A repetition at half load lasts so long, or until there are so many orders, whichever is sooner; longer if the options say so. */
const LATENCY_MS = 10_000;
const LATENCY_ORDERS = 1_000;

/** Orders per second to settled, against the floor; then the latency at half of that. */
export async function saga(options: Options): Promise<{ saga: SagaFound; latency: LatencyFound }> {
  const window: Window = { rampMs: 1_000, windowMs: options.seconds * 1_000 };
  return withBench(options, {
    prepare: (system, start) =>
      start(
        () => Floor.prepare(system, environmentOf(options)),
        (floor) => floor.stop(),
      ),
    work: async (bench, floor) => {
      const found = await throughput(bench, floor, options, window);
      await floor.clear(bench.system);
      return { saga: found, latency: await latency(bench, found.perSecond.median / 2, options, window) };
    },
  });
}

async function throughput(bench: Bench, floor: Floor, options: Options, window: Window): Promise<SagaFound> {
  const { client, quiet, meter } = bench;
  const { concurrency } = options;
  const drains: number[] = [];
  const costs: CostPerOrder[] = [];
  const latencies: number[] = [];
  const runSaga = async () => {
    await meter.begin();
    const { perSecond, orders } = await closedLoop(client, concurrency, window);
    const lastAt = Math.max(...orders.map(({ settledAt }) => settledAt));
    await quiet.reached();
    drains.push(performance.now() - lastAt);
    costs.push(await meter.end(orders.length));
    latencies.push(...orders.map(({ sentAt, settledAt }) => settledAt - sentAt));
    return perSecond;
  };
  const runFloor = () => floor.run(window);

  await closedLoop(client, concurrency, { rampMs: 0, windowMs: Math.max(3_000, window.windowMs) });
  await quiet.reached();
  const floorCustomers = await floor.calibrate({ rampMs: 500, windowMs: 1_500 });
  say(`floor by customers: ${JSON.stringify(floorCustomers)}`);
  const pairs: Pair[] = [];
  for (let n = 0; n < options.repetitions; n++) {
    const firstSaga = await runSaga();
    const firstFloor = await runFloor();
    const secondFloor = await runFloor();
    const secondSaga = await runSaga();
    pairs.push(toPair([firstSaga, secondSaga], [firstFloor, secondFloor]));
    say(
      `  ${n + 1}: saga ${firstSaga.toFixed(0)}, ${secondSaga.toFixed(0)}; floor ${firstFloor.toFixed(0)}, ${secondFloor.toFixed(0)}`,
    );
  }
  const counted = pairs.filter(({ dropped }) => !dropped);
  return {
    concurrency,
    batch: options.batch,
    perSecond: estimate(pairs.flatMap((pair) => pair.saga)),
    floorPerSecond: estimate(pairs.flatMap((pair) => pair.floor)),
    ratio: estimate(counted.map(({ ratio }) => ratio)),
    pairs,
    dropped: pairs.length - counted.length,
    floorCustomers,
    floorStatements: floor.script.reduce((sum, { statements }) => sum + statements.length, 0),
    floorScript: floor.script.map(({ database, statements: all }) => [database, ...all.map(({ text }) => brief(text))]),
    drainMs: estimate(drains),
    settledMs: { p50: percentile(latencies, 50), p95: percentile(latencies, 95), p99: percentile(latencies, 99) },
    cost: meanCost(costs),
  };
}

async function latency(
  { client, quiet, meter }: Bench,
  perSecond: number,
  options: Options,
  window: Window,
): Promise<LatencyFound> {
  const { rampMs, windowMs } = options.quick ? window : longEnough(window, perSecond);
  say(`${perSecond.toFixed(0)} orders a second for ${(windowMs / 1000).toFixed(1)} s, come what may`);
  const repetitions: number[][] = [];
  let orders = 0;
  await meter.begin();
  for (let n = 0; n < options.repetitions; n++) {
    const before = client.count;
    repetitions.push(await openLoop(client, perSecond, { rampMs, windowMs }, n));
    await quiet.reached();
    orders += client.count - before;
    const last = repetitions.at(-1)!;
    say(`  ${n + 1}: p50 ${percentile(last, 50).toFixed(1)} ms, p99 ${percentile(last, 99).toFixed(1)} ms`);
  }
  const of = (percent: number) => estimate(repetitions.map((one) => percentile(one, percent)));
  return {
    perSecond,
    ordersPerRepetition: repetitions[0]!.length,
    settled: { p50: of(50), p95: of(95), p99: of(99) },
    cost: await meter.end(orders),
  };
}

/** For a p99 that is not the one or the other of the slowest orders. */
function longEnough({ rampMs, windowMs }: Window, perSecond: number): Window {
  return { rampMs, windowMs: Math.max(windowMs, Math.min(LATENCY_MS, (LATENCY_ORDERS / perSecond) * 1000)) };
}

function brief(statement: string): string {
  return statement.replaceAll(/\s+/g, ' ').trim().slice(0, 80);
}

function toPair(sagas: [number, number], floors: [number, number]): Pair {
  const [one, other] = floors;
  const dropped = Math.abs(one - other) > FLOORS_DIFFER * Math.min(one, other);
  return { saga: sagas, floor: floors, ratio: mean(sagas) / mean(floors), dropped };
}

/** Of all orders, each run weighing as much as it had. */
function meanCost(costs: readonly CostPerOrder[]): CostPerOrder {
  const orders = costs.reduce((sum, cost) => sum + cost.orders, 0);
  const of = (value: (cost: CostPerOrder) => number) =>
    costs.reduce((sum, cost) => sum + value(cost) * cost.orders, 0) / orders;
  const names = Object.keys(costs[0]?.cpu.services ?? {});
  return {
    orders,
    cpu: {
      services: Object.fromEntries(names.map((name) => [name, of(({ cpu }) => cpu.services[name] ?? 0)])),
      provider: of(({ cpu }) => cpu.provider),
      postgres: of(({ cpu }) => cpu.postgres),
      broker: of(({ cpu }) => cpu.broker),
      bench: of(({ cpu }) => cpu.bench),
    },
    writeTransactions: of((cost) => cost.writeTransactions),
    walSyncs: of((cost) => cost.walSyncs),
    statements: of((cost) => cost.statements),
    walBytes: of((cost) => cost.walBytes),
    eventsStated: of((cost) => cost.eventsStated),
    deliveriesClaimed: of((cost) => cost.deliveriesClaimed),
  };
}
