import type { CostPerOrder } from '../cost/meter.js';
import { closedLoop, type Window } from '../load/loops.js';
import { PastOrders } from '../load/past-orders.js';
import type { Options } from '../options.js';
import { type Estimate, estimate } from '../statistics.js';
import { say, withBench } from './run.js';

/** What orders cost while there are so many past ones. */
export interface Grown {
  readonly pastOrders: number;
  /** Orders per second, closed loop. */
  readonly perSecond: Estimate;
  /** CPU µs of the services and of PostgreSQL for one order. */
  readonly servicesCpu: Estimate;
  readonly postgresCpu: Estimate;
  /** Milliseconds of planning and execution for one order, of all statements. */
  readonly statementMs: Estimate;
  readonly walBytes: Estimate;
}

export interface GrowthFound {
  readonly concurrency: number;
  readonly sizes: readonly Grown[];
}

const SIZES = [10_000, 100_000, 1_000_000];
const QUICK_SIZES = [1_000, 10_000, 100_000];

/** What an order costs as the tables of past orders grow, in all five databases. */
export async function growth(options: Options): Promise<GrowthFound> {
  const { concurrency, repetitions } = options;
  const sizes = options.quick ? QUICK_SIZES : SIZES;
  const window: Window = { rampMs: 1_000, windowMs: options.seconds * 1_000 };
  return withBench(options, {
    prepare: async () => undefined,
    // No checkpoint falls into a measurement because of what was filled in before.
    postgres: { max_wal_size: '4GB', checkpoint_timeout: '30min' },
    work: async ({ system, client, quiet, meter }) => {
      const { orderId } = await client.run();
      await quiet.reached();
      const past = await PastOrders.like(orderId, (service) => system.databaseUrl(service), sizes.at(-1)!);
      const found: Grown[] = [];
      for (const pastOrders of sizes) {
        say(`${pastOrders} past orders`);
        await past.growTo(pastOrders);
        const rates: number[] = [];
        const costs: (CostPerOrder & { readonly statementMs: number })[] = [];
        await closedLoop(client, concurrency, window);
        for (let n = 0; n < repetitions; n++) {
          await quiet.reached();
          await meter.database.forget();
          await meter.begin();
          const { perSecond, orders } = await closedLoop(client, concurrency, window);
          await quiet.reached();
          const statements = await meter.database.statements();
          const statementMs = statements.reduce((sum, { ms }) => sum + ms, 0) / orders.length;
          costs.push({ ...(await meter.end(orders.length)), statementMs });
          rates.push(perSecond);
          say(`  ${n + 1}: ${perSecond.toFixed(0)}/s, PostgreSQL ${costs.at(-1)!.cpu.postgres.toFixed(0)} µs an order`);
        }
        found.push({
          pastOrders,
          perSecond: estimate(rates),
          servicesCpu: estimate(costs.map(({ cpu }) => Object.values(cpu.services).reduce((sum, us) => sum + us, 0))),
          postgresCpu: estimate(costs.map(({ cpu }) => cpu.postgres)),
          statementMs: estimate(costs.map((cost) => cost.statementMs)),
          walBytes: estimate(costs.map((cost) => cost.walBytes)),
        });
      }
      // They were charged nowhere, and what must hold of each order is about to be checked.
      await past.remove();
      return { concurrency, sizes: found };
    },
  });
}
