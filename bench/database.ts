import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type Start, untilInterrupted } from './interrupt.js';
import { startPostgres } from '../tools/postgres/index.js';

/** Runs work on a PostgreSQL of its own that loses nothing, and removes it afterwards. */
export function withPostgres<T>(
  work: (createDatabase: (name: string) => Promise<string>, start: Start) => Promise<T>,
  settings: Readonly<Record<string, string>> = {},
): Promise<T> {
  return untilInterrupted(async (start) => {
    const folder = await start(dataFolder, removeFolder);
    const postgres = await start(
      () => startPostgres({ dataDir: join(folder, 'postgres'), port: 0, settings }),
      (started) => started.stop(),
    );
    return work((name) => postgres.createDatabase(name), start);
  });
}

/** Makes a folder for the data of a run, which a PostgreSQL can reach. */
export async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'farandole-bench-'));
  await chmod(folder, 0o755);
  return folder;
}

export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

/** A connection of the bench's own. When the server ends it, its queries reject, and nothing else happens. */
export async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url, application_name: 'bench' });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
