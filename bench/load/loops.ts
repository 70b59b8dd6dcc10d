import { setTimeout as pause } from 'node:timers/promises';
import { arrivals } from './arrivals.js';
import type { LoadClient, Timed } from './client.js';

type Customer = Pick<LoadClient, 'run'>;

export interface Window {
  /** Load before anything is counted, at least. */
  readonly rampMs: number;
  /** What is settled within it counts. */
  readonly windowMs: number;
}

export interface Throughput {
  /** Orders settled within the window, per second of it. */
  readonly perSecond: number;
  readonly orders: readonly Timed[];
}

/**
 * `concurrency` customers, each of whom orders again as soon as the last order is settled. All of them begin at once, so the window opens no sooner than when the first order of
 * each is settled: until then it would see a wave come or not. Resolves once all are settled.
 */
export async function closedLoop(
  client: LoadClient,
  concurrency: number,
  { rampMs, windowMs }: Window,
): Promise<Throughput> {
  const orders: Timed[] = [];
  let until = Number.POSITIVE_INFINITY;
  const customer = async (first: Promise<Timed>) => {
    orders.push(await first);
    while (performance.now() < until) orders.push(await client.run());
  };
  const firsts = Array.from({ length: concurrency }, () => client.run());
  const opened = Promise.all([...firsts, pause(rampMs)]).then(() => (until = performance.now() + windowMs));
  await Promise.all([opened, ...firsts.map(customer)]);
  const counted = orders.filter(({ settledAt }) => settledAt >= until - windowMs && settledAt < until);
  return { perSecond: (counted.length / windowMs) * 1000, orders };
}

/** So many orders, `concurrency` at a time. */
export async function several(client: LoadClient, count: number, concurrency: number): Promise<void> {
  let left = count;
  const customer = async () => {
    while (left-- > 0) await client.run();
  };
  await Promise.all(Array.from({ length: concurrency }, customer));
}

/** One order at a time. */
export async function oneByOne(client: LoadClient, count: number): Promise<Timed[]> {
  const orders: Timed[] = [];
  while (orders.length < count) orders.push(await client.run());
  return orders;
}

/**
 * Orders come at random times, `perSecond` of them, whether or not the system keeps up; at the same times for the same seed. Resolves, once all are
 * settled, with the time of each from when it was meant to be sent, in milliseconds; those meant to be sent during the ramp are left out. Rejects as soon
 * as one fails.
 */
export async function openLoop(client: Customer, perSecond: number, window: Window, seed: number): Promise<number[]> {
  const start = performance.now();
  const latencies: number[] = [];
  const running: Promise<void>[] = [];
  let failed = false;
  for (const dueAt of arrivals(perSecond, window, seed)) {
    if (failed) break;
    const intended = start + dueAt;
    const wait = intended - performance.now();
    if (wait > 0.5) await pause(wait);
    const counts = dueAt >= window.rampMs;
    const order = client.run().then(({ settledAt }) => {
      if (counts) latencies.push(settledAt - intended);
    });
    order.catch(() => (failed = true));
    running.push(order);
  }
  await Promise.all(running);
  return latencies;
}
