import { type Estimate, estimate, percentile } from '../statistics.js';
import type { CostPerOrder } from '../cost/meter.js';
import { oneByOne } from '../load/loops.js';
import type { Options } from '../options.js';
import { say, warmUpSingly, withBench } from './run.js';

export interface IdleFound {
  readonly ordersPerRepetition: number;
  /** Milliseconds from sending the request: to its answer, and to the order's end. */
  readonly accepted: { readonly p50: Estimate };
  readonly settled: { readonly p50: Estimate; readonly p95: Estimate; readonly p99: Estimate };
  readonly cost: CostPerOrder;
}

/** One order at a time: what a customer waits for when nobody else is there. */
export async function idle(options: Options): Promise<IdleFound> {
  const count = Math.max(20, options.seconds * 10);
  return withBench(options, {
    prepare: async () => undefined,
    work: async ({ client, quiet, meter }) => {
      await warmUpSingly(client, options);
      await quiet.reached();
      await meter.begin();
      const repetitions: { accepted: number[]; settled: number[] }[] = [];
      for (let n = 0; n < options.repetitions; n++) {
        const orders = await oneByOne(client, count);
        await quiet.reached();
        const settled = orders.map(({ sentAt, settledAt }) => settledAt - sentAt);
        repetitions.push({ settled, accepted: orders.map(({ sentAt, acceptedAt }) => acceptedAt - sentAt) });
        say(`  ${n + 1}: p50 ${percentile(settled, 50).toFixed(1)} ms, p99 ${percentile(settled, 99).toFixed(1)} ms`);
      }
      const of = (which: 'accepted' | 'settled', percent: number) =>
        estimate(repetitions.map((one) => percentile(one[which], percent)));
      return {
        ordersPerRepetition: count,
        accepted: { p50: of('accepted', 50) },
        settled: { p50: of('settled', 50), p95: of('settled', 95), p99: of('settled', 99) },
        cost: await meter.end(count * options.repetitions),
      };
    },
  });
}
