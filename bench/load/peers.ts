import { type ChildProcess, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { repositoryRoot } from '../../tools/platform/apps.js';

/** The peers, which are a package of their own. */
export const peersFolder = join(repositoryRoot, 'bench', 'peers');

/** @throws InvalidArgumentError where they are not installed */
export function buildPeers(): void {
  if (!existsSync(join(peersFolder, 'node_modules')))
    throw new InvalidArgumentError('the peers are not installed: npm ci --prefix bench/peers');
  const compiler = join(repositoryRoot, 'node_modules', 'typescript', 'bin', 'tsc');
  execFileSync(process.execPath, [compiler, '-p', peersFolder], { stdio: 'inherit' });
}

/** Ends a process of theirs. Its profile, if it is to write one, is there then. */
export async function endPeer(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await exited;
}
