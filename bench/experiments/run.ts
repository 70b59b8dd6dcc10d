import { Meter } from '../cost/meter.js';
import { LoadClient } from '../load/client.js';
import { oneByOne, several } from '../load/loops.js';
import { Quiet } from '../load/quiet.js';
import { untilInterrupted } from '../interrupt.js';
import { environmentOf, type Options } from '../options.js';
import { System } from '../system.js';

/** What must hold after a run did not: it does not count. */
export class DoesNotCount extends Error {
  override readonly name = 'DoesNotCount';
  constructor(violations: readonly string[]) {
    const more = violations.length > 5 ? `\n… and ${violations.length - 5} more` : '';
    super(`the run does not count:\n${violations.slice(0, 5).join('\n')}${more}`);
  }
}

/** A system at work, and all that an experiment looks at it with. */
export interface Bench {
  readonly system: System;
  readonly client: LoadClient;
  readonly quiet: Quiet;
  readonly meter: Meter;
}

/** A service handles the first 1,000 messages after its start with special care, and no service gets fewer than two for an order. */
const FIRST_ORDERS = 520;
/** V8 still optimises what an order calls but once; by then, its CPU time does not fall any more (seen in windows of 500 orders, with batches of one). */
const WARM_ORDERS = 5_000;

export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Single orders take ways through the code that those under load do not; what one costs falls until then (seen in windows of 50, on RabbitMQ). */
const WARM_SINGLE_ORDERS = 1_000;

/** Orders until what one costs under load stays the same. */
export async function warmUp(client: LoadClient, { concurrency, quick }: Options): Promise<void> {
  await several(client, FIRST_ORDERS, 32);
  if (!quick) await several(client, WARM_ORDERS - FIRST_ORDERS, concurrency);
}

/** The same for one order at a time, after `warmUp`. */
export async function warmUpSingly(client: LoadClient, { quick }: Options): Promise<void> {
  await oneByOne(client, quick ? 20 : WARM_SINGLE_ORDERS);
}

/**
 * Starts a system, warms it up, and has `work` measure it; ends with the invariant checks over every order of the run, and rejects when they
 * find anything. `prepare` has the system before any of that.
 */
export async function withBench<Prepared, Found>(
  options: Options,
  {
    prepare,
    work,
    postgres = {},
  }: {
    prepare: (system: System) => Promise<Prepared>;
    work: (bench: Bench, prepared: Prepared) => Promise<Found>;
    postgres?: Readonly<Record<string, string>>;
  },
): Promise<Found> {
  say(`starting the services on ${options.store}`);
  const system = await System.start({ store: options.store, env: environmentOf(options), postgres });
  const measured = async () => {
    const prepared = await prepare(system);
    const client = await LoadClient.start(system.target);
    const quiet = await Quiet.start((service) => system.databaseUrl(service));
    const meter = await Meter.start(system);
    say('warming up');
    await warmUp(client, options);
    await quiet.reached();
    const found = await work({ system, client, quiet, meter }, prepared);
    await quiet.reached();
    await Promise.all([client.stop(), quiet.stop(), meter.stop()]);
    say(`checking ${system.world.placed.length} orders`);
    const violations = await system.violations();
    if (violations.length > 0) throw new DoesNotCount(violations);
    return found;
  };
  try {
    return await untilInterrupted(measured());
  } finally {
    await system.stop();
  }
}
