import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, chmod, chown, constants, cp, mkdir, lstat, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type Binaries, binariesIn } from './binaries.js';
import { PostgresStartError } from './errors.js';

/** Who PostgreSQL runs as: it refuses to run as root. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

const nobody = 65534;

export function accountToRunAs(): Account & { readonly spare: boolean } {
  return process.getuid?.() === 0 ? { uid: nobody, gid: nobody, spare: true } : { spare: false };
}

/**
 * Where that account can reach the data: the folder itself, or one in the temp folder when a parent is closed to it
 * (a clone in /root, say). The same folder gives the same place every time.
 */
export async function reachableDataDir(dataDir: string, account: Account, notice: (line: string) => void) {
  if (account.uid === undefined) return dataDir;
  const parent = await nearestExisting(dirname(dataDir));
  const isFolder = (await stat(parent)).isDirectory();
  if (!isFolder || mayEnter(parent, account)) return dataDir;
  const instead = join(tmpdir(), `farandole-postgres-${shortHash(dataDir)}`, basename(dataDir));
  await ownFolder(dirname(instead));
  notice(
    `PostgreSQL cannot run as root, and user ${account.uid} may not enter ${dirname(dataDir)}: data is in ${instead}`,
  );
  return instead;
}

/** The binaries where that account can run them: those of node_modules, or a copy in the temp folder. */
export async function reachableBinaries(binaries: Binaries, account: Account): Promise<Binaries> {
  if (account.uid === undefined || mayEnter(dirname(binaries.postgres), account)) return binaries;
  const folder = join(tmpdir(), `farandole-postgres-binaries-${shortHash(binaries.home)}`);
  await ownFolder(folder);
  const home = join(folder, 'native');
  if (!(await isThere(home))) {
    const unfinished = `${home}.${process.pid}`;
    await cp(binaries.home, unfinished, { recursive: true, verbatimSymlinks: true });
    await rename(unfinished, home).catch(() => rm(unfinished, { recursive: true, force: true }));
  }
  return binariesIn(home);
}

/** Makes a folder in the temp folder that is ours, and not one that somebody else put there before. */
async function ownFolder(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o755 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new PostgresStartError(`${folder} belongs to somebody else; remove it, or set TMPDIR to another folder`);
  }
  await chmod(folder, 0o755);
}

/** Gives a new, empty folder to the account. */
export async function giveTo(account: Account, folder: string): Promise<void> {
  if (account.uid !== undefined) await chown(folder, account.uid, account.gid ?? account.uid);
}

/** Asks as that account, since modes, groups and access lists decide together. */
function mayEnter(folder: string, { uid, gid }: Account): boolean {
  if (uid === undefined) return true;
  return spawnSync('/bin/sh', ['-c', 'test -x "$1"', 'sh', folder], { uid, gid: gid ?? uid, cwd: '/' }).status === 0;
}

async function nearestExisting(folder: string): Promise<string> {
  return (await isThere(folder)) || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}

export function isThere(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  );
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
