import { whenNpmIsGone } from './ancestors.js';

export const STOPPING = 'stopping …; once more ends it at once, and leaves what runs\n';

/** A terminal that goes, and npm on some systems, sends its signal twice. */
const ONE_SIGNAL_MS = 1_000;

/**
 * Aborted at the first signal to end, or when npm or whoever reads the output is gone. A second signal ends the process at once.
 * Listens for good: testcontainers (`signal-exit`) ends a process whose only listener is its own.
 */
export function interruption(): AbortSignal {
  const interrupted = new AbortController();
  let atOnceFrom = Infinity;
  const interrupt = () => {
    if (interrupted.signal.aborted) return;
    atOnceFrom = performance.now() + ONE_SIGNAL_MS;
    interrupted.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (performance.now() > atOnceFrom) process.exit(130);
      interrupt();
    });
  }
  whenNpmIsGone(interrupt);
  for (const stream of [process.stdout, process.stderr]) stream.on('error', interrupt);
  return interrupted.signal;
}
