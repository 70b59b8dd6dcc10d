import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../tools/platform/apps.js';
import type { GrowthFound } from './experiments/growth.js';
import type { HttpFound } from './experiments/http.js';
import type { IdleFound } from './experiments/idle.js';
import type { InboxFound } from './experiments/inbox.js';
import type { MemoryFound } from './experiments/memory.js';
import type { PeersFound, PurposesFound } from './experiments/peers.js';
import type { RelayFound } from './experiments/relay.js';
import type { LatencyFound, SagaFound } from './experiments/saga.js';
import type { TracingFound } from './experiments/tracing.js';
import { type Machine, thisMachine } from './machine.js';
import type { Options } from './options.js';

/** What each experiment finds. */
export interface Found {
  readonly saga: SagaFound;
  readonly latency: LatencyFound;
  readonly idle: IdleFound;
  readonly relay: RelayFound;
  readonly inbox: InboxFound;
  readonly http: HttpFound;
  readonly peers: PeersFound;
  readonly purposes: PurposesFound;
  readonly memory: MemoryFound;
  readonly growth: GrowthFound;
  readonly tracing: TracingFound;
}
export type ExperimentName = keyof Found;

/** What one run of one experiment found; kept in `bench/results`, and read by the report. */
export interface Result<Name extends ExperimentName = ExperimentName> {
  readonly experiment: Name;
  /** What it ran on: `rabbitmq`, `rabbitmq-one-by-one`. */
  readonly on: string;
  readonly command: string;
  readonly at: string;
  readonly tookSeconds: number;
  /** Runs that are meant to show that the bench works, more than what the system can do. */
  readonly quick: boolean;
  readonly machine: Machine;
  readonly found: Found[Name];
}

const benchFolder = join(repositoryRoot, 'bench');

/** The report is of results of its own kind. The others are kept apart, and not in git. */
export type Kind = 'report' | 'quick' | 'tuning';

const folderOf = (kind: Kind) => join(benchFolder, 'results', ...(kind === 'report' ? [] : [kind]));

/** Where the report of full or quick runs is. */
export const reportFolder = (quick: boolean) => (quick ? folderOf('quick') : benchFolder);

/** The kind of what a run with these options finds. The report has no rows for other batches and log levels, nor for services that write profiles. */
export function kindOf(experiment: string, { quick, batch = 100, logLevel = 'info', profile }: Partial<Options>): Kind {
  if (quick) return 'quick';
  const usual = logLevel === 'info' && profile === undefined && (batch === 100 || isOneByOne(experiment, batch));
  return usual ? 'report' : 'tuning';
}

/** Batches of one are a row of their own. */
export function isOneByOne(experiment: string, batch: number | undefined): boolean {
  return experiment === 'saga' && batch === 1;
}

/** Keeps a result in place of the one before of the same experiment on the same store, and of the same kind. */
export async function keep<Name extends ExperimentName>(
  { experiment, on, kind, startedAt }: { experiment: Name; on: string; kind: Kind; startedAt: number },
  found: Found[Name],
): Promise<Result<Name>> {
  const result: Result<Name> = {
    experiment,
    on,
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`,
    at: new Date(startedAt).toISOString(),
    tookSeconds: Math.round((Date.now() - startedAt) / 1000),
    quick: kind === 'quick',
    machine: await thisMachine(),
    found,
  };
  const folder = folderOf(kind);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${experiment}-${on}.json`), `${JSON.stringify(result, rounded, 2)}\n`);
  return result;
}

/** What was kept, by experiment and what it ran on. */
export class Results {
  private constructor(readonly all: readonly Result[]) {}

  static async read(quick: boolean): Promise<Results> {
    const folder = folderOf(quick ? 'quick' : 'report');
    const names = await readdir(folder).catch(() => []);
    const texts = names.filter((name) => name.endsWith('.json')).map((name) => readFile(join(folder, name), 'utf8'));
    return Results.of((await Promise.all(texts)).map((text) => JSON.parse(text) as Result));
  }

  static of(all: readonly Result[]): Results {
    return new Results(all);
  }

  find<Name extends ExperimentName>(experiment: Name, on: string): Found[Name] | undefined {
    const result = this.all.find((one) => one.experiment === experiment && one.on === on);
    return result?.found as Found[Name] | undefined;
  }
}

/** Four digits are more than any of this is certain of. */
function rounded(_name: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}
