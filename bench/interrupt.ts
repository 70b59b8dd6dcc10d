/** Somebody ended the run; what was measured so far is not kept. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  constructor() {
    super('interrupted');
  }
}

const ended = Promise.withResolvers<never>();
ended.promise.catch(() => undefined);
let told = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    told = true;
    ended.reject(new Interrupted());
  });
}

/** @throws Interrupted after Ctrl-C */
export function goOnUnlessInterrupted(): void {
  if (told) throw new Interrupted();
}

/** Rejects at Ctrl-C, so that what was started is stopped in order; a second one ends the process. */
export function untilInterrupted<T>(work: Promise<T>): Promise<T> {
  return Promise.race([work, ended.promise]);
}
