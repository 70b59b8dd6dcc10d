import { setTimeout as pause } from 'node:timers/promises';
import type { RunningPostgres } from '../postgres/index.js';

const lookEveryMs = 500;

/** Starts PostgreSQL again when it dies. Resolves the returned function once it no longer does so. */
export function superviseDatabase(postgres: RunningPostgres, report: (line: string) => void): () => Promise<void> {
  const stopped = new AbortController();
  const watching = watch(postgres, report, stopped.signal);
  return async () => {
    stopped.abort();
    await watching;
  };
}

async function watch(postgres: RunningPostgres, report: (line: string) => void, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted;) {
    await pause(lookEveryMs * 2 ** Math.min(failures, 6), undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted || postgres.running) continue;
    try {
      await postgres.restart();
      failures = 0;
      report('PostgreSQL ended; it was started again');
    } catch (error) {
      failures++;
      report(`PostgreSQL ended and does not start: ${(error as Error).message}`);
    }
  }
}
