import { interruption, STOPPING } from '../tools/platform/interruption.js';

/** Somebody ended the run; what was measured so far is not kept. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor() {
    super('interrupted');
  }
}

/** Aborted at Ctrl-C, and when the terminal or npm is gone. */
export const interrupted = interruption();
const tellOfStopping = () => process.stderr.write(STOPPING);

/** @throws Interrupted once it is aborted */
export function goOnUnlessInterrupted(): void {
  if (interrupted.aborted) throw new Interrupted();
}

/** Starts something that a run needs; however the run ends, `stop` is called then. */
export type Start = <T>(start: () => Promise<T>, stop: (started: T) => unknown) => Promise<T>;

/**
 * Does the work until it ends or is interrupted (Ctrl-C; a second one ends the process). Settles once all that it started is stopped, the last first; what is just starting is
 * waited for. What cannot be stopped is told, and the rest stopped nevertheless.
 */
export async function untilInterrupted<T>(work: (start: Start) => Promise<T>): Promise<T> {
  // However many parts an experiment has, it tells once: this is one and the same listener.
  interrupted.addEventListener('abort', tellOfStopping);
  const stops: (() => Promise<unknown>)[] = [];
  const start: Start = async (begin, stop) => {
    goOnUnlessInterrupted();
    const started = begin();
    stops.push(() => started.then(stop, () => undefined));
    return started;
  };
  try {
    return await Promise.race([work(start), untilSignal()]);
  } finally {
    for (const stop of stops.toReversed()) await stop().catch(tell);
  }
}

function untilSignal(): Promise<never> {
  return new Promise((_, reject) => {
    interrupted.addEventListener('abort', () => reject(new Interrupted()));
  });
}

function tell(error: unknown): void {
  process.stderr.write(`not stopped: ${String((error as Error).stack)}\n`);
}
