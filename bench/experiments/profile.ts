import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CostPerOrder } from '../cost/meter.js';
import type { StatementCost } from '../cost/database.js';
import { clock, hottest, type Hot } from '../cost/cpu-profile.js';
import type { Timed } from '../load/client.js';
import { closedLoop, oneByOne } from '../load/loops.js';
import type { Options } from '../options.js';
import type { System } from '../system.js';
import { median } from '../statistics.js';
import { say, warmUpSingly, withBench } from './run.js';

/** A step of an order's story, as a service's log tells it. */
export interface Hop {
  readonly service: string;
  readonly what: string;
  /** Median milliseconds from sending the request. */
  readonly afterMs: number;
}

export interface ProfileFound {
  readonly hops: readonly Hop[];
  readonly perSecond: number;
  readonly cost: CostPerOrder;
  readonly statements: readonly (Omit<StatementCost, 'ms'> & { readonly usPerOrder: number })[];
  readonly functions: Readonly<Record<string, readonly Hot[]>>;
}

interface Line {
  readonly time: string | number;
  readonly event?: string;
  readonly type?: string;
  readonly order_id?: string;
}

const IDLE_ORDERS = 100;

/** Where the time of one order goes, and what the system is busy with under load. */
export async function profile(options: Omit<Options, 'profile' | 'repetitions'>): Promise<ProfileFound> {
  const folder = await mkdtemp(join(tmpdir(), 'farandole-profile-'));
  try {
    const { span, ...found } = await withBench(
      { ...options, profile: folder },
      {
        prepare: async () => undefined,
        work: async ({ system, client, quiet, meter }) => {
          await warmUpSingly(client, options);
          const hops = await hopsOf(system, await oneByOne(client, IDLE_ORDERS));
          await quiet.reached();
          say('under load');
          await meter.database.forget();
          await meter.begin();
          const from = clock();
          const window = { rampMs: 1_000, windowMs: options.seconds * 1_000 };
          const { perSecond, orders } = await closedLoop(client, options.concurrency, window);
          const until = clock();
          await quiet.reached();
          const cost = await meter.end(orders.length);
          const statements = (await meter.database.statements()).slice(0, 40).map(({ ms, calls, rows, ...rest }) => ({
            ...rest,
            calls: calls / orders.length,
            rows: rows / orders.length,
            usPerOrder: (ms * 1000) / orders.length,
          }));
          return { span: { from, until }, hops, perSecond, cost, statements };
        },
      },
    );
    return { ...found, functions: await hottest(folder, span) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function hopsOf(system: System, orders: readonly Timed[]): Promise<Hop[]> {
  const sentAt = new Map(orders.map((order) => [order.orderId, performance.timeOrigin + order.sentAt]));
  const found = new Map<string, number[]>();
  const note = (what: string, ms: number) => found.set(what, [...(found.get(what) ?? []), ms]);
  for (const { acceptedAt, settledAt, ...order } of orders) {
    note('client accepted', acceptedAt - order.sentAt);
    note('client settled', settledAt - order.sentAt);
  }
  for (const { plan, logFile } of system.world.platform.processes) {
    for (const { time, event, type, order_id } of await linesOf(logFile)) {
      const sent = order_id === undefined ? undefined : sentAt.get(order_id);
      const what = event && /_(published|processed)$/.exec(event)?.[1];
      if (sent !== undefined && what) note(`${plan.app} ${type} ${what}`, new Date(time).getTime() - sent);
    }
  }
  return [...found]
    .map(([name, times]) => {
      const [service = '', ...what] = name.split(' ');
      return { service, what: what.join(' '), afterMs: median(times) };
    })
    .toSorted((one, other) => one.afterMs - other.afterMs);
}

async function linesOf(file: string): Promise<Line[]> {
  const text = await readFile(file, 'utf8');
  return text.split('\n').flatMap((line) => {
    try {
      return [JSON.parse(line) as Line];
    } catch {
      return [];
    }
  });
}
