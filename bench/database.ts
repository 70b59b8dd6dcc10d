import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { untilInterrupted } from './interrupt.js';
import { startPostgres } from '../tools/postgres/index.js';

/** Runs work on a PostgreSQL of its own that loses nothing, and removes it afterwards. */
export async function withPostgres<T>(
  work: (createDatabase: (name: string) => Promise<string>) => Promise<T>,
  settings: Readonly<Record<string, string>> = {},
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'farandole-bench-'));
  await chmod(folder, 0o755);
  try {
    const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), port: 0, detached: true, settings });
    try {
      return await untilInterrupted(work((name) => postgres.createDatabase(name)));
    } finally {
      await postgres.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
