import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identityOf, isRunning, type ProcessIdentity } from '../processes/index.js';
import { accountToRunAs, giveTo } from './account.js';
import { removePostgres, type RunningPostgres, startPostgres } from './start.js';

const prefix = 'farandole-temporary-postgres-';

/**
 * For tests: PostgreSQL in a fresh temp folder on a free port, without fsync. `stop()` removes the folder. One whose
 * owner was killed before it could do so is ended and removed by the next call, in whatever process.
 */
export async function startTemporaryPostgres(): Promise<RunningPostgres> {
  await removeAbandoned();
  const folder = await mkdtemp(join(tmpdir(), prefix));
  await writeFile(join(folder, 'owner.json'), JSON.stringify(identityOf(process.pid)));
  await giveTo(accountToRunAs(), folder);
  const postgres = await startPostgres({
    dataDir: join(folder, 'data'),
    port: 0,
    durable: false,
  });
  const stop = postgres.stop.bind(postgres);
  postgres.stop = async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  };
  return postgres;
}

async function removeAbandoned(): Promise<void> {
  const folders = (await readdir(tmpdir())).filter((name) => name.startsWith(prefix));
  for (const folder of folders.map((name) => join(tmpdir(), name))) {
    const owner = await ownerOf(folder);
    if (!owner || isRunning(owner)) continue;
    await removePostgres(join(folder, 'data')).catch(() => undefined);
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Undefined while the owner is just making it. */
async function ownerOf(folder: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'owner.json'), 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
