import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  childrenOf,
  comesTrue,
  commandLineOf,
  exists,
  identityOf,
  isRunning,
  type ProcessIdentity,
  sendSignal,
} from '../processes/index.js';
import type { Account } from './account.js';
import type { Binaries } from './binaries.js';
import { answers } from './connect.js';
import { PortInUse, StartFailed, UnwritableFolder } from './errors.js';

export interface Postmaster {
  readonly identity: ProcessIdentity;
  readonly port: number;
}

export interface LaunchOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly binaries: Binaries;
  readonly account: Account;
  readonly logFile: string;
}

/**
 * The postmaster that runs on the data folder, if one does. A pid file that a crash left, whose pid may belong to
 * any other process by now, is removed: PostgreSQL itself would refuse to start. One that hangs is ended.
 */
export async function runningPostmaster(dataDir: string): Promise<Postmaster | undefined> {
  const file = pidFileOf(dataDir);
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!pid) return undefined;
  const identity = identityOf(pid);
  if (identity && isPostgresOf(pid, dataDir)) {
    const postmaster = { identity, port };
    if (await comesTrue(() => answers(port), 30_000)) return postmaster;
    await crash(postmaster);
  }
  await rm(file, { force: true });
  return undefined;
}

/** Where a postmaster notes its pid. One that was killed leaves it, and as long as nobody has waited for the dead process, another refuses to start beside it. */
export function pidFileOf(dataDir: string): string {
  return join(dataDir, 'postmaster.pid');
}

/** Starts a postmaster; resolves once it answers queries. */
export async function launch(options: LaunchOptions): Promise<Postmaster> {
  const { dataDir, port, binaries, account, logFile } = options;
  const { uid, gid } = account;
  const log = openLog(logFile);
  const written = statSync(logFile).size;
  const child = spawn(binaries.postgres, ['-D', dataDir, '-p', String(port), ...asArguments(options.settings)], {
    cwd: uid === undefined ? dataDir : '/',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', log, log],
    windowsHide: true,
    // In a process group of its own, which Ctrl-C does not reach.
    detached: true,
    ...(uid === undefined ? {} : { uid, gid: gid ?? uid }),
  });
  closeSync(log);
  let ended: string | undefined;
  child.once('error', (error) => (ended = `PostgreSQL cannot be run (${error.message})`));
  child.once('exit', (code, signal) => (ended = `PostgreSQL ended at its start (${signal ?? `exit code ${code}`})`));
  const up = await comesTrue(async () => ended !== undefined || (await answers(port)), 60_000);
  const identity = up && ended === undefined && child.pid !== undefined ? identityOf(child.pid) : undefined;
  if (identity) {
    child.unref();
    return { identity, port };
  }
  child.kill('SIGKILL');
  const said = readFileSync(logFile).subarray(written).toString('utf8');
  if (/Address already in use|could not bind/.test(said)) throw new PortInUse(port);
  throw new StartFailed(
    ended ?? 'PostgreSQL did not answer within 60 s',
    logFile,
    said.split('\n').slice(-12).join('\n'),
  );
}

/** Ends it as Ctrl-C does ("fast": open transactions are rolled back, all is written). Resolves once it is gone. */
export async function end(postmaster: Postmaster): Promise<void> {
  for (const [name, patience] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5_000],
  ] as const) {
    if (!isRunning(postmaster.identity)) return;
    sendSignal(postmaster.identity.pid, name);
    if (await comesTrue(() => !isRunning(postmaster.identity), patience)) return;
  }
  await crash(postmaster);
}

/** Ends it and all its children at once, as a power cut does. Resolves once none of them is left. */
export async function crash({ identity }: Postmaster): Promise<void> {
  if (!isRunning(identity)) return;
  if (process.platform === 'win32') spawnSync('taskkill', ['/F', '/T', '/PID', String(identity.pid)]);
  // stopped, it starts no child while its children are looked up
  sendSignal(identity.pid, 'SIGSTOP');
  const all = [identity.pid, ...childrenOf(identity.pid)];
  for (const pid of all) sendSignal(pid, 'SIGKILL');
  await comesTrue(() => !all.some(exists), 10_000);
}

function isPostgresOf(pid: number, dataDir: string): boolean {
  const commandLine = commandLineOf(pid);
  return commandLine === undefined ? process.platform === 'win32' : commandLine.includes(dataDir);
}

function asArguments(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

function openLog(logFile: string): number {
  try {
    return openSync(logFile, 'a');
  } catch (error) {
    throw new UnwritableFolder(logFile, error);
  }
}
