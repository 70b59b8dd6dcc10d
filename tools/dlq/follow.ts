import { SingleBar } from 'cli-progress';
import { setTimeout as pause } from 'node:timers/promises';
import type { Letters, Replay } from './letters.js';

const LOOK_EVERY_MS = 250;

/** Shows how far a replay is until it has ended. The service does the work: whoever stops looking on may look again. */
export async function follow(letters: Letters, begun: Replay): Promise<Replay> {
  const bar = new SingleBar({
    format: `{bar} {value}/{total} replayed, {failed} failed again, {waiting}{duration_formatted}`,
    barsize: 40,
    clearOnComplete: true,
    hideCursor: true,
    noTTYOutput: false,
  });
  let replay = begun;
  const state = () => ({ failed: replay.failed, waiting: replay.done === 0 && replay.underWay > 0 ? 'canary, ' : '' });
  bar.start(replay.total, replay.done, state());
  try {
    while (replay.state === 'running') {
      await pause(LOOK_EVERY_MS);
      replay = await letters.progress(replay.id);
      bar.update(replay.done, state());
    }
  } finally {
    bar.stop();
  }
  return replay;
}

/** How it ended, and what to do about it. */
export function ending({ id, state, total, done, failed }: Replay, service: string): string {
  const left = total - done - failed;
  const rest = left > 0 ? `, ${left} left open` : '';
  const said = `replay ${id}: ${done} of ${total} handled, ${failed} failed again${rest}`;
  if (state === 'stopped_by_canary') {
    return `${said}. The first one failed again, so the rest was not tried: npm run dlq -- groups --service ${service}`;
  }
  if (failed > 0) return `${said}. They are open: npm run dlq -- groups --service ${service}`;
  return state === 'stopped' ? `${said}. It was stopped.` : `${said}.`;
}
