import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { withClient } from '../../tools/postgres/connect.js';
import { services } from '../../tools/platform/apps.js';
import { answerOf } from '../answer.js';
import { LoadClient, skus } from '../load/client.js';
import type { Window } from '../load/loops.js';
import { Quiet } from '../load/quiet.js';
import { mean } from '../statistics.js';
import type { System } from '../system.js';
import { readRecorded } from './recorded.js';
import { scriptOf, type Transaction } from './script.js';
import type { Run, Setup } from './worker.js';

/** As many as there are services: more than these would have no counterpart in the system. */
const PROCESSES = Math.min(services.length, availableParallelism());
const CUSTOMERS = [8, 16, 32, 64];
const PREFIX = 'floor_';

/**
 * What PostgreSQL and a plain client make of the same statements: prepared, one message per transaction, nothing between them but the
 * client. On databases of the same server that are copies of the services' own.
 */
export class Floor {
  private customers = 16;

  private constructor(
    private readonly workers: readonly ChildProcess[],
    readonly script: readonly Transaction[],
  ) {}

  /** Records one order per product, one message at a time, and copies the databases. Starts the services again, with `env`. */
  static async prepare(system: System, env: Readonly<Record<string, string>> = {}): Promise<Floor> {
    const folder = await mkdtemp(join(tmpdir(), 'farandole-floor-'));
    try {
      const scripts = await record(system, folder);
      const copy = () =>
        system.alone((url) =>
          withClient(url, async (client) => {
            for (const service of services)
              await client.query(`create database ${PREFIX}${service} template "${service}"`);
          }),
        );
      await system.restart(env, copy);
      const scriptsFile = join(folder, 'scripts.json');
      await writeFile(scriptsFile, JSON.stringify(scripts));
      const urls = Object.fromEntries(services.map((service) => [service, copyOf(system.databaseUrl(service))]));
      const customers = Math.ceil(Math.max(...CUSTOMERS) / PROCESSES);
      const workers = await Promise.all(
        Array.from({ length: PROCESSES }, () => startWorker({ scriptsFile, urls, customers })),
      );
      return new Floor(workers, scripts[0]!);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Finds the number of customers at once that gets most done, and keeps to it. */
  async calibrate(window: Window): Promise<Readonly<Record<number, number>>> {
    const found = await thereAndBack(CUSTOMERS, (customers) => {
      this.customers = customers;
      return this.run(window);
    });
    this.customers = CUSTOMERS.toSorted((one, other) => found[other]! - found[one]!)[0]!;
    return found;
  }

  /** Orders per second, closed loop. */
  async run({ rampMs, windowMs }: Window): Promise<number> {
    const from = Date.now() + rampMs;
    const run: Run = { from, until: from + windowMs, customers: Math.ceil(this.customers / this.workers.length) };
    const answers = this.workers.map((worker) => answerOf(worker, run) as Promise<number>);
    const counts = await Promise.all(answers);
    return (counts.reduce((sum, count) => sum + count, 0) / windowMs) * 1000;
  }

  stop(): void {
    for (const worker of this.workers) worker.kill();
  }

  /** Ends it, and drops its databases: autovacuum would go through all that it left while something else is measured. */
  async clear({ world }: System): Promise<void> {
    this.stop();
    await withClient(world.platform.postgres.url, async (client) => {
      for (const service of services) await client.query(`drop database ${PREFIX}${service} with (force)`);
    });
  }
}

/** What is measured for each number: the mean of two, so that a machine that grows slower or faster favours none. */
export async function thereAndBack(
  numbers: readonly number[],
  measure: (number: number) => Promise<number>,
): Promise<Record<number, number>> {
  const found: Record<number, number[]> = {};
  for (const number of [...numbers, ...numbers.toReversed()]) (found[number] ??= []).push(await measure(number));
  return Object.fromEntries(numbers.map((number) => [number, mean(found[number]!)]));
}

async function record(system: System, folder: string): Promise<Transaction[][]> {
  const preload = new URL('./record-statements.js', import.meta.url).href;
  await system.restart({ BATCH_SIZE: '1', NODE_OPTIONS: `--import ${preload}`, BENCH_RECORD_TO: folder });
  const client = await LoadClient.start(system.target);
  const quiet = await Quiet.start((service) => system.databaseUrl(service));
  const marks: number[] = [];
  // The first orders meet connections and plans that are yet to be made.
  for (let n = 0; n < 5 + skus.length; n++) {
    marks.push(Date.now());
    await client.run();
    await quiet.reached();
  }
  marks.push(Date.now());
  await client.stop();
  await quiet.stop();
  const recorded = await readRecorded(folder);
  return marks.slice(5, -1).map((mark, n) => scriptOf(recorded.filter(({ at }) => at >= mark && at < marks[n + 6]!)));
}

function copyOf(url: string): string {
  const copy = new URL(url);
  copy.pathname = `/${PREFIX}${copy.pathname.slice(1)}`;
  return copy.href;
}

async function startWorker(setup: Setup): Promise<ChildProcess> {
  const worker = fork(new URL('./worker.js', import.meta.url), [JSON.stringify(setup)]);
  await answerOf(worker);
  return worker;
}
