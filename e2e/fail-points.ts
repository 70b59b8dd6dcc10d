import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FailPoint } from '#libs/messaging';
import type { ServiceName } from '../tools/platform/apps.js';
import { comesTrue } from '../tools/processes/index.js';
import type { World } from './world.js';

export interface Armed {
  /** Resolves once a process died there. Supervised, it is started again by itself: `platform.ready` waits for that. */
  died(withinMs?: number): Promise<void>;
}

/** Has processes of a world die at a chosen point, once per arming, and at any time while it runs. */
export class FailPoints {
  private constructor(private readonly folder: string) {}

  static async create(): Promise<FailPoints> {
    return new FailPoints(await mkdtemp(join(tmpdir(), 'farandole-fail-points-')));
  }

  /** What the services have to be told at their start. */
  get env(): Readonly<Record<string, string>> {
    return { FAIL_POINTS: this.folder };
  }

  /** The first process of the service that passes the point from here on dies of it. */
  async arm(world: World, service: ServiceName, point: FailPoint): Promise<Armed> {
    const file = this.fileOf(service, point);
    const before = pidsOf(world, service);
    await writeFile(file, '');
    return {
      async died(withinMs = 60_000) {
        const isOver = () => !existsSync(file) && !before.every((pid) => pidsOf(world, service).includes(pid));
        if (!(await comesTrue(isOver, withinMs)))
          throw new Error(`no process of ${service} died ${point} within ${withinMs} ms`);
      },
    };
  }

  /** Nobody dies of it any more; resolves even where somebody has. */
  disarm(service: ServiceName, point: FailPoint): Promise<void> {
    return rm(this.fileOf(service, point), { force: true });
  }

  /** For when no service runs any more. */
  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  private fileOf(service: ServiceName, point: FailPoint): string {
    return join(this.folder, `${service}.${point}`);
  }
}

function pidsOf({ platform }: World, service: ServiceName): number[] {
  return platform.processes.flatMap(({ plan, pid }) => (plan.app === service && pid ? [pid] : []));
}
