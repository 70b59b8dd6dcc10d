import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** One process, told from every other that had or will have the same pid: written to a file, it may be signalled later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in words of the operating system: compared, never read. */
  readonly startedAt: string;
}

/** Whether a process of that number exists; says nothing about which one it is. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The identity of a running process, undefined when there is none of that pid. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  if (!exists(pid)) return undefined;
  const startedAt = startOf(pid);
  return startedAt === undefined ? undefined : { pid, startedAt };
}

/** Whether that very process still runs, and not another one that was given its pid. */
export function isRunning(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startedAt === identity.startedAt;
}

/** The arguments a process was started with, joined by blanks; undefined where the operating system does not tell. */
export function commandLineOf(pid: number): string | undefined {
  if (process.platform === 'linux') return read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim();
  if (process.platform === 'win32') return undefined;
  return ask('ps', ['-o', 'command=', '-p', String(pid)]);
}

/** The pid of the process that started it, or that took its place. */
export function parentOf(pid: number): number | undefined {
  const pairs = process.platform === 'linux' ? pairsFromProc() : pairsFromPs();
  return pairs.find(([one]) => one === pid)?.[1];
}

/** The direct children of a process. */
export function childrenOf(pid: number): readonly number[] {
  const pairs = process.platform === 'linux' ? pairsFromProc() : pairsFromPs();
  return pairs.filter(([, parent]) => parent === pid).map(([child]) => child);
}

function pairsFromProc(): [pid: number, parent: number][] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const parent = statOf(Number(name))?.[1];
      return parent === undefined ? [] : [[Number(name), Number(parent)] as [number, number]];
    });
}

function pairsFromPs(): [pid: number, parent: number][] {
  if (process.platform === 'win32') return [];
  const lines = ask('ps', ['-A', '-o', 'pid=,ppid='])?.split('\n') ?? [];
  return lines.map((line) => line.trim().split(/\s+/).map(Number) as [number, number]);
}

function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') {
    const ticks = statOf(pid)?.[19];
    return ticks && `${read('/proc/sys/kernel/random/boot_id')?.trim()}/${ticks}`;
  }
  if (process.platform === 'win32') {
    return ask('powershell', ['-NoProfile', '-Command', `(Get-Process -Id ${pid}).StartTime.Ticks`]);
  }
  return ask('ps', ['-o', 'lstart=', '-p', String(pid)]);
}

/** The fields of /proc/PID/stat from the third on: state, parent, … (the second, a name, may contain blanks). */
function statOf(pid: number): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Dead and not yet waited for. While other threads of it are still ending, its ports and files are held. */
function isZombie(pid: number): boolean {
  const stat = process.platform === 'linux' ? statOf(pid) : undefined;
  return stat?.[0] === 'Z' && Number(stat[17]) <= 1;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function ask(command: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || undefined;
  } catch {
    return undefined;
  }
}
