import type { AppName } from '../../../tools/platform/apps.js';
import type { Platform } from '../../../tools/platform/index.js';
import type { Arena } from '../arena.js';
import type { Fault } from '../scenario.js';
import type { Undo } from './undo.js';

/** One start may fail for another fault that is there meanwhile. */
const STARTS = 3;

export async function breakProcess(
  { kind, app, replica }: Extract<Fault, { kind: 'kill' | 'restart' | 'pause' }>,
  { world: { platform } }: Arena,
): Promise<Undo> {
  switch (kind) {
    case 'kill':
      await platform.kill(app, replica);
      return () => untilRunning(platform, app, replica);
    case 'restart':
      await platform.stopApp(app, replica);
      return () => untilRunning(platform, app, replica);
    case 'pause':
      platform.pause(app, replica);
      return async () => platform.resume(app, replica);
  }
}

/** Starts it unless somebody else does; resolves once it is ready. */
export async function untilRunning(platform: Platform, app: AppName, replica: number): Promise<void> {
  for (let left = STARTS - 1; ; left--) {
    try {
      return await platform.start(app, replica);
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}
