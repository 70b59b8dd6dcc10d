import { Meter } from '../cost/meter.js';
import { LoadClient } from '../load/client.js';
import { oneByOne, several } from '../load/loops.js';
import { Quiet } from '../load/quiet.js';
import { type Start, untilInterrupted } from '../interrupt.js';
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
  readonly start: Start;
}

/** Resolves with the bench of a system, which stops when the run ends. */
export async function benchOf(system: System, start: Start): Promise<Bench> {
  return {
    system,
    client: await start(
      () => LoadClient.start(system.target),
      (client) => client.stop(),
    ),
    quiet: await start(
      () => Quiet.start((service) => system.databaseUrl(service)),
      (quiet) => quiet.stop(),
    ),
    meter: await start(
      () => Meter.start(system),
      (meter) => meter.stop(),
    ),
    start,
  };
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
export async function warmUp(
  client: LoadClient,
  { concurrency, quick }: Pick<Options, 'concurrency' | 'quick'>,
): Promise<void> {
  await several(client, FIRST_ORDERS, 32);
  if (!quick) await several(client, WARM_ORDERS - FIRST_ORDERS, concurrency);
}

/** The same for one order at a time, after `warmUp`. */
export async function warmUpSingly(client: LoadClient, { quick }: Pick<Options, 'quick'>): Promise<void> {
  await oneByOne(client, quick ? 20 : WARM_SINGLE_ORDERS);
}

/**
 * Starts a system, warms it up, and has `work` measure it; ends with the invariant checks over every order of the run, and rejects when they
 * find anything. `prepare` has the system before any of that.
 */
export async function withBench<Prepared, Found>(
  options: Omit<Options, 'repetitions' | 'seconds'>,
  {
    prepare,
    work,
    postgres = {},
  }: {
    prepare: (system: System, start: Start) => Promise<Prepared>;
    work: (bench: Bench, prepared: Prepared) => Promise<Found>;
    postgres?: Readonly<Record<string, string>>;
  },
): Promise<Found> {
  return untilInterrupted(async (start) => {
    say(`starting the services on ${options.store}`);
    const system = await System.start({ store: options.store, env: environmentOf(options), postgres }, start);
    const prepared = await prepare(system, start);
    const bench = await benchOf(system, start);
    say('warming up');
    await warmUp(bench.client, options);
    await bench.quiet.reached();
    const found = await work(bench, prepared);
    await bench.quiet.reached();
    await check(system);
    return found;
  });
}

/** @throws DoesNotCount */
export async function check(system: System): Promise<void> {
  say(`checking ${system.world.placed.length} orders`);
  const violations = await system.violations();
  if (violations.length > 0) throw new DoesNotCount(violations);
}
