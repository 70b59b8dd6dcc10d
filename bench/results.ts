import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../tools/platform/apps.js';
import { type Machine, thisMachine } from './machine.js';

/** What one run of one experiment found; kept in `bench/results`, and read by the report. */
export interface Result<Found = unknown> {
  readonly experiment: string;
  /** What it ran on: `rabbitmq`; or a name of its own where there is nothing to choose. */
  readonly on: string;
  readonly command: string;
  readonly at: string;
  readonly tookSeconds: number;
  /** Runs that are meant to show that the bench works, more than what the system can do. */
  readonly quick: boolean;
  readonly machine: Machine;
  readonly found: Found;
}

const folder = join(repositoryRoot, 'bench', 'results');

/** Keeps a result in place of the one before of the same experiment on the same store. */
export async function keep(
  { experiment, on, quick, startedAt }: { experiment: string; on: string; quick: boolean; startedAt: number },
  found: unknown,
): Promise<Result> {
  const result: Result = {
    experiment,
    on,
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`,
    at: new Date(startedAt).toISOString(),
    tookSeconds: Math.round((Date.now() - startedAt) / 1000),
    quick,
    machine: thisMachine(),
    found,
  };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${experiment}-${on}.json`), `${JSON.stringify(result, rounded, 2)}\n`);
  return result;
}

/** Four digits are more than any of this is certain of. */
function rounded(_name: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}
