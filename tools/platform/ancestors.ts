import { commandLineOf, exists, parentOf } from '../processes/index.js';

const lookEveryMs = 500;

/**
 * Calls back once the npm that runs this script is gone. npm hands SIGTERM to the shell between it and the script,
 * and the shell ends without handing it on.
 */
export function whenNpmIsGone(callback: () => void): void {
  if (!process.env['npm_lifecycle_event']) return;
  const between = upToNpm(process.ppid);
  const timer = setInterval(() => {
    if (between.every(exists)) return;
    clearInterval(timer);
    callback();
  }, lookEveryMs).unref();
}

/** The processes from this one's parent up to npm; none when npm is not found. */
function upToNpm(pid: number | undefined, below: readonly number[] = []): readonly number[] {
  if (pid === undefined || pid <= 1 || below.length === 3) return [];
  const chain = [...below, pid];
  return /\bnpm\b/.test(commandLineOf(pid)?.split(' ').slice(0, 2).join(' ') ?? '')
    ? chain
    : upToNpm(parentOf(pid), chain);
}
