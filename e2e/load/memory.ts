import { execFileSync } from 'node:child_process';
import type { World } from '../world.js';

/** Resident memory of each process of the platform, megabytes, by label; a process that is gone is not there. */
export function memoryOf({ platform }: World): ReadonlyMap<string, number> {
  const labels = new Map(platform.processes.flatMap(({ pid, plan }) => (pid === undefined ? [] : [[pid, plan.label]])));
  const lines = execFileSync('ps', ['-o', 'pid=,rss=', '-p', [...labels.keys()].join()], { encoding: 'utf8' });
  const sizes = lines
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number) as [pid: number, kilobytes: number]);
  return new Map(sizes.map(([pid, kilobytes]) => [labels.get(pid) ?? '', Math.round(kilobytes / 1024)]));
}

/** Looks each second until told to stop; resolves with all that was seen. */
export function watchMemory(world: World): { stop(): readonly ReadonlyMap<string, number>[] } {
  const seen = [memoryOf(world)];
  const timer = setInterval(() => void seen.push(memoryOf(world)), 1_000);
  return {
    stop() {
      clearInterval(timer);
      return seen;
    },
  };
}
