import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Of the process itself, and of children that ended. Microseconds. */
  readonly own: number;
  readonly ended: number;
}

const TICK_US = 1_000_000 / ticksPerSecond();

/** CPU time used so far by a process and all that it started, in microseconds. 0 where /proc does not tell. */
export function cpuOf(roots: readonly number[]): number {
  const all = everyProcess();
  const children = Map.groupBy(all, ({ parent }) => parent);
  const byPid = new Map(all.map((stat) => [stat.pid, stat]));
  const sum = (pid: number): number => {
    const stat = byPid.get(pid);
    if (!stat) return 0;
    return stat.own + stat.ended + (children.get(pid) ?? []).reduce((total, child) => total + sum(child.pid), 0);
  };
  return roots.reduce((total, pid) => total + sum(pid), 0);
}

/** CPU time of the process alone, without what it started. */
export function ownCpuOf(pid: number): number {
  return statOf(pid)?.own ?? 0;
}

/** Memory of the process that is in RAM (VmRSS), in bytes. 0 where /proc does not tell. */
export function residentBytesOf(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return Number(kilobytes ?? 0) * 1024;
}

/** Brokers that run on this machine, in containers too. */
export function brokerProcesses(): number[] {
  return everyProcess()
    .map(({ pid }) => pid)
    .filter((pid) => /\bbeam\.smp\b.*rabbit|kafka\.Kafka\b/.test(read(`/proc/${pid}/cmdline`) ?? ''));
}

function everyProcess(): Stat[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (statOf(Number(name)) ?? []) : []));
}

function statOf(pid: number): Stat | undefined {
  const line = read(`/proc/${pid}/stat`);
  if (!line) return undefined;
  // The name, in parentheses, may hold anything; state is the first field behind it.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const ticks = (from: number) => (Number(fields[from]) + Number(fields[from + 1])) * TICK_US;
  return { pid, parent: Number(fields[1]), own: ticks(11), ended: ticks(13) };
}

function ticksPerSecond(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100;
  } catch {
    return 100;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
