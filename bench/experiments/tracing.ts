import { fork, type ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { answerOf } from '../answer.js';
import { type Start, untilInterrupted } from '../interrupt.js';
import { closedLoop, several, type Window } from '../load/loops.js';
import { environmentOf, type Options } from '../options.js';
import { type Estimate, estimate, mean } from '../statistics.js';
import { System } from '../system.js';
import { type Bench, benchOf, check, say, warmUp } from './run.js';

export interface Traced {
  /** Orders per second. */
  readonly perSecond: Estimate;
  readonly untracedPerSecond: Estimate;
  /** Traced to untraced, of runs next to each other. */
  readonly ratio: Estimate;
  /** CPU time of an order untraced to traced, of services and PostgreSQL: what a machine that has nothing left would keep of its throughput. Steadier than that. */
  readonly byCpu: Estimate;
  readonly spansPerOrder: number;
}

export interface TracingFound {
  readonly concurrency: number;
  /** Every span exported. `spansPerOrder` below that of an unhurried order tells of spans that were dropped. */
  readonly all: Traced;
  /** One trace in ten. */
  readonly tenth: Traced;
  readonly spansOfAnUnhurriedOrder: number;
}

const UNHURRIED = 20;
/** Until a run is no faster than the one before: each system has seen as many orders as the others when it is compared with them. */
const WARM_UPS = 5;
/** Longer than the services keep spans back (`OTEL_BSP_SCHEDULE_DELAY`, 5 s). */
const QUIET_MS = 6_000;

/**
 * What it costs to export spans, in orders per second: the same system thrice, without spans, with all and with a tenth of them, of which one works at a time
 * (A B B A). The receiver is a process on this machine as well, so its share is counted in.
 */
export function tracing(options: Options): Promise<TracingFound> {
  const window: Window = { rampMs: 1_000, windowMs: options.seconds * 1_000 };
  return untilInterrupted(async (start) => {
    const sinks = [await Sink.start(start), await Sink.start(start)] as const;
    const plain = await Rig.start(options, { OTEL_TRACES_EXPORTER: 'none' }, start);
    const all = await Rig.start(options, { ...sinks[0].env, OTEL_TRACES_SAMPLER: 'parentbased_always_on' }, start);
    const sampling = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };
    const tenth = await Rig.start(options, { ...sinks[1].env, ...sampling }, start);
    const rigs = [plain, all, tenth];
    for (let n = 0; n < WARM_UPS; n++) for (const rig of rigs) await rig.run(options.concurrency, window);
    const compare = async (name: string, traced: Rig, sink: Sink): Promise<Traced> => {
      const pairs: { traced: Ran[]; plain: Ran[] }[] = [];
      const before = { orders: traced.orders, spans: await sink.settled() };
      for (let n = 0; n < options.repetitions; n++) {
        const first = await plain.run(options.concurrency, window);
        const both = [await traced.run(options.concurrency, window), await traced.run(options.concurrency, window)];
        pairs.push({ traced: both, plain: [first, await plain.run(options.concurrency, window)] });
        say(`  ${n + 1}: ${name} ${told(both)}, no spans ${told(pairs[n]!.plain)}`);
      }
      return {
        perSecond: estimate(pairs.flatMap((pair) => pair.traced.map(({ perSecond }) => perSecond))),
        untracedPerSecond: estimate(pairs.flatMap((pair) => pair.plain.map(({ perSecond }) => perSecond))),
        ratio: estimate(pairs.map((pair) => meanOf(pair.traced, 'perSecond') / meanOf(pair.plain, 'perSecond'))),
        byCpu: estimate(pairs.map((pair) => meanOf(pair.plain, 'cpu') / meanOf(pair.traced, 'cpu'))),
        spansPerOrder: ((await sink.settled()) - before.spans) / (traced.orders - before.orders),
      };
    };
    const before = await sinks[0].settled();
    await all.oneByOne(UNHURRIED);
    const spansOfAnUnhurriedOrder = ((await sinks[0].settled()) - before) / UNHURRIED;
    const found = {
      concurrency: options.concurrency,
      all: await compare('all spans', all, sinks[0]),
      tenth: await compare('a tenth', tenth, sinks[1]),
      spansOfAnUnhurriedOrder,
    };
    for (const rig of rigs) await rig.check();
    return found;
  });
}

interface Ran {
  readonly perSecond: number;
  /** Of one order, microseconds. */
  readonly cpu: number;
}

function meanOf(runs: readonly Ran[], what: keyof Ran): number {
  return mean(runs.map((run) => run[what]));
}

function told(runs: readonly Ran[]): string {
  return `${meanOf(runs, 'perSecond').toFixed(0)}/s at ${(meanOf(runs, 'cpu') / 1_000).toFixed(1)} ms of CPU`;
}

/** One system with its customers. */
class Rig {
  private constructor(private readonly bench: Bench) {}

  static async start(options: Options, env: Readonly<Record<string, string>>, start: Start): Promise<Rig> {
    say(`starting the services on ${options.store} with ${env['OTEL_TRACES_SAMPLER'] ?? 'no spans'}`);
    const system = await System.start({ store: options.store, env: { ...environmentOf(options), ...env } }, start);
    const bench = await benchOf(system, start);
    await warmUp(bench.client, options);
    await bench.quiet.reached();
    return new Rig(bench);
  }

  get orders(): number {
    return this.bench.client.count;
  }

  /** Resolves once nothing is left to do, so that the next one has the machine for itself. */
  async run(concurrency: number, window: Window): Promise<Ran> {
    const { client, quiet, meter } = this.bench;
    const before = this.orders;
    await meter.begin();
    const { perSecond } = await closedLoop(client, concurrency, window);
    await quiet.reached();
    const { cpu } = await meter.end(this.orders - before);
    return { perSecond, cpu: Object.values(cpu.services).reduce((sum, one) => sum + one, cpu.postgres) };
  }

  async oneByOne(count: number): Promise<void> {
    await several(this.bench.client, count, 1);
    await this.bench.quiet.reached();
  }

  check(): Promise<void> {
    return check(this.bench.system);
  }
}

/** Where spans go. */
class Sink {
  private constructor(
    private readonly process: ChildProcess,
    readonly env: Readonly<Record<string, string>>,
  ) {}

  static async start(start: Start): Promise<Sink> {
    const process = await start(
      async () => fork(new URL('../load/span-sink.js', import.meta.url)),
      (child) => child.kill(),
    );
    const url = (await answerOf(process)) as string;
    return new Sink(process, { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' });
  }

  /** Spans so far, once no more come: the services send what they have every five seconds. */
  async settled(): Promise<number> {
    for (let before = await this.count(); ;) {
      await pause(QUIET_MS);
      const now = await this.count();
      if (now === before) return now;
      before = now;
    }
  }

  private async count(): Promise<number> {
    return (await answerOf(this.process, 'spans?')) as number;
  }
}
