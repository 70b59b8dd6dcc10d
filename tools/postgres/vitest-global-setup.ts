import type { TestProject } from 'vitest/node';
import './testing.js';
import { startTemporaryPostgres } from './temporary.js';

/** One PostgreSQL for all integration specs of a run; the one of `POSTGRES_URL` instead, where that is set. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['POSTGRES_URL'];
  if (given) {
    project.provide('POSTGRES_URL', given);
    return () => Promise.resolve();
  }
  const postgres = await startTemporaryPostgres();
  project.provide('POSTGRES_URL', postgres.url);
  return () => postgres.stop();
}
