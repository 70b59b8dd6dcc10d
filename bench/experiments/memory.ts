import { setTimeout as pause } from 'node:timers/promises';
import { services } from '../../tools/platform/index.js';
import { residentBytesOf } from '../cost/processes.js';
import { several } from '../load/loops.js';
import type { Options } from '../options.js';
import { median } from '../statistics.js';
import type { System } from '../system.js';
import { say, withBench } from './run.js';

/** Resident memory after so many orders, once all is at rest. */
export interface Resident {
  readonly orders: number;
  readonly bytes: Readonly<Record<string, number>>;
  readonly total: number;
}

export interface MemoryFound {
  readonly concurrency: number;
  readonly after: readonly Resident[];
}

const AFTER = [10_000, 20_000, 40_000, 70_000, 100_000];
const QUICK_AFTER = [1_000, 2_000];
/** At rest; once a second. */
const LOOKS = 10;

/** Resident memory of the five services as they handle more and more orders. */
export async function memory(options: Omit<Options, 'repetitions' | 'seconds'>): Promise<MemoryFound> {
  return withBench(options, {
    prepare: async () => undefined,
    work: async ({ system, client, quiet }) => {
      const after: Resident[] = [];
      for (const orders of options.quick ? QUICK_AFTER : AFTER) {
        await several(client, orders - client.count, options.concurrency);
        await quiet.reached();
        after.push(await residentAfter(orders, system));
        say(`  after ${orders} orders: ${(after.at(-1)!.total / 2 ** 20).toFixed(0)} MiB`);
      }
      return { concurrency: options.concurrency, after };
    },
  });
}

async function residentAfter(orders: number, system: System): Promise<Resident> {
  const looks: Readonly<Record<string, number>>[] = [];
  for (let n = 0; n < LOOKS; n++) {
    await pause(1_000);
    looks.push(lookAt(system));
  }
  const bytes = Object.fromEntries(services.map((name) => [name, median(looks.map((look) => look[name]!))]));
  return { orders, bytes, total: Object.values(bytes).reduce((sum, one) => sum + one, 0) };
}

function lookAt(system: System): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const { plan, pid } of system.world.platform.processes) {
    if (pid !== undefined) found[plan.app] = residentBytesOf(pid);
  }
  return found;
}
