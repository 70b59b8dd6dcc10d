import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ALL = '/sys/fs/cgroup/cpu';
const OWN = join(ALL, 'farandole');
/** A process in no group by version 1 of cgroups (`man 7 cgroups`). */
const IN_NO_GROUP = /:(cpu|cpu,cpuacct|cpuacct,cpu):\/$/m;

/**
 * Gives this process and all that it starts a group of their own, which the CPU time is shared with Docker's containers by as between equals. So it is on a machine with
 * systemd. Where processes are in no group, each of them weighs as much as all containers together, and under load a broker gets to work so seldom that it takes up to a second
 * to confirm a message, and loses members of its consumer groups. Does nothing elsewhere, and where it may not.
 */
export function shareWithContainers(): void {
  try {
    if (!IN_NO_GROUP.test(readFileSync('/proc/self/cgroup', 'utf8'))) return;
    mkdirSync(OWN, { recursive: true });
    enter(OWN);
    process.once('exit', leave);
  } catch {
    // No such system, or not its administrator.
  }
}

function leave(): void {
  try {
    enter(ALL);
    rmdirSync(OWN);
  } catch {
    // Another run is in it.
  }
}

function enter(group: string): void {
  writeFileSync(join(group, 'cgroup.procs'), String(process.pid));
}
