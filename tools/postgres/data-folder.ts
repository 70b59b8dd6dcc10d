import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { makeFolder } from '../processes/index.js';
import { type Account, giveTo, isThere } from './account.js';
import { type Binaries, majorVersion } from './binaries.js';
import { PostgresStartError, UnwritableFolder, WrongVersion } from './errors.js';

/** Makes the data folder of a cluster unless it is there. Interrupted at any moment, it leaves none or a whole one. */
export async function prepareDataFolder(
  dataDir: string,
  { binaries, account, durable }: { binaries: Binaries; account: Account; durable: boolean },
): Promise<void> {
  if (await isThere(join(dataDir, 'PG_VERSION'))) return checkVersion(dataDir);
  const unfinished = `${dataDir}.unfinished`;
  try {
    makeFolder(dirname(dataDir));
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished);
    await chmod(unfinished, 0o700);
    await giveTo(account, unfinished);
  } catch (error) {
    throw new UnwritableFolder(dataDir, error);
  }
  await initialise(unfinished, binaries, account, durable);
  await rename(unfinished, dataDir).catch((error: unknown) => {
    throw new UnwritableFolder(dataDir, error);
  });
}

async function checkVersion(dataDir: string): Promise<void> {
  const found = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch((error: unknown) => {
    throw new UnwritableFolder(dataDir, error);
  });
  if (found.trim() !== majorVersion) throw new WrongVersion(dataDir, found.trim(), majorVersion);
}

async function initialise(folder: string, binaries: Binaries, account: Account, durable: boolean): Promise<void> {
  const { uid, gid } = account;
  const child = spawn(
    binaries.initdb,
    [
      `--pgdata=${folder}`,
      '--username=postgres',
      '--auth=trust',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
      ...(durable ? [] : ['--no-sync']),
    ],
    {
      cwd: account.uid === undefined ? dirname(folder) : '/',
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...(uid === undefined ? {} : { uid, gid: gid ?? uid }),
    },
  );
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [code, said, complained] = await Promise.all([ended, text(child.stdout), text(child.stderr)]).catch(
    (error: unknown) => {
      throw new PostgresStartError(`initdb cannot be run: ${String(error)}`);
    },
  );
  if (code !== 0) throw new PostgresStartError(`initdb failed in ${folder}:\n${complained || said}`);
}
