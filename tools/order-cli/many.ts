import { SingleBar } from 'cli-progress';
import type { Options } from './options.js';
import { anOrder, now, Orders, Refused, Unreachable } from './orders.js';
import { durationOf, isThisMachine, untilSettled } from './settled.js';
import { type Outcome, percentile } from './summary.js';

/** Places as many orders as asked for, so many at a time, and shows how far it is. */
export async function placeMany(options: Options): Promise<{ outcomes: readonly Outcome[]; tookMs: number }> {
  const orders = new Orders(options.url, options.timeout * 1000);
  const bar = new SingleBar({
    format: '{bar} {value}/{total} settled, {duration_formatted}',
    barsize: 40,
    clearOnComplete: true,
    hideCursor: true,
    noTTYOutput: false,
  });
  const outcomes: Outcome[] = [];
  const durations: number[] = [];
  const startedAt = now();
  let next = 0;
  let lastSettledAt = startedAt;
  bar.start(options.count, 0);
  const lane = async () => {
    while (next++ < options.count) {
      const outcome = await one(orders, options, likely(durations));
      outcomes.push(outcome);
      if (outcome.durationMs !== undefined) durations.push(outcome.durationMs);
      lastSettledAt = now();
      bar.increment();
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(options.concurrency, options.count) }, lane));
  } finally {
    bar.stop();
    orders.close();
  }
  return { outcomes, tookMs: lastSettledAt - startedAt };
}

async function one(orders: Orders, options: Options, firstLookMs: number): Promise<Outcome> {
  try {
    const placed = await orders.place(anOrder(options));
    const order = await untilSettled(orders, placed, { firstLookMs, pauseMs: 15, timeoutMs: options.timeout * 1000 });
    if (!order) return { end: `not settled within ${options.timeout} s` };
    const durationMs = durationOf(order, placed, isThisMachine(options.url));
    return { end: order.reason ? `${order.status}: ${order.reason}` : order.status, durationMs };
  } catch (error) {
    if (error instanceof Unreachable || error instanceof Refused) throw error;
    return { end: `not placed: ${(error as Error).message}` };
  }
}

/** When the next order is likely to be settled: what the last ones took. */
function likely(durations: readonly number[]): number {
  return durations.length === 0 ? 30 : percentile(durations.slice(-50), 50);
}
