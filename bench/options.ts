import { InvalidArgumentError } from 'commander';
import { type StoreName, stores } from './stores.js';

/** What experiments are told, each of them what it reads. */
export interface Options {
  readonly store: StoreName;
  readonly repetitions: number;
  readonly seconds: number;
  readonly concurrency: number;
  readonly batch: number;
  readonly quick: boolean;
  /** Of the services. */
  readonly logLevel: string;
  /** Folder for the services' CPU profiles. */
  readonly profile?: string;
}

export function storeName(value: string): StoreName {
  if (value in stores) return value as StoreName;
  throw new InvalidArgumentError(`There is no store "${value}"; there are ${Object.keys(stores).join(', ')}.`);
}

export function countOf(value: string): number {
  const count = Number(value);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('It is a number from 1 on.');
  return count;
}

/** Batches of one are handled side by side, as many as a service has connections but two. */
export const POOL_FOR_BATCHES_OF_ONE = 40;

/** The services' variables for a run. */
export function environmentOf({
  batch,
  logLevel,
  profile,
}: Pick<Options, 'logLevel' | 'profile'> & Partial<Pick<Options, 'batch'>>): Record<string, string> {
  return {
    ...(batch !== undefined && { BATCH_SIZE: String(batch) }),
    ...(batch === 1 && { DATABASE_POOL: String(POOL_FOR_BATCHES_OF_ONE) }),
    LOG_LEVEL: logLevel,
    ...profiling(profile),
  };
}

/** Has a process write its CPU profile into the folder, if there is one, when it ends. */
export function profiling(folder: string | undefined): Record<string, string> {
  return folder === undefined ? {} : { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` };
}
