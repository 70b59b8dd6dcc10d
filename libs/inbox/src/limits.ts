import type { Handler, RetryPolicy } from '#libs/messaging';

/** What holds for every reaction and command that does not say otherwise. */
export interface Limits {
  readonly retry: Required<RetryPolicy>;
  /** Milliseconds until a handler that has not ended counts as failed. */
  readonly timeoutMs: number;
}

export function retryOf(handler: Handler | undefined, limits: Limits): Required<RetryPolicy> {
  return { ...limits.retry, ...handler?.retry };
}

/** The handler did not end in time; its transaction is rolled back. */
class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/** Runs a handler; rejects with `TimedOut` when it takes longer than it, or else the service, allows. */
export async function runWithin(limits: Limits, handler: Handler, ...args: unknown[]): Promise<unknown> {
  const timeoutMs = handler.timeoutMs ?? limits.timeoutMs;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const message = `the handler of ${handler.reactsTo.type} did not end within ${timeoutMs} ms`;
    timer = setTimeout(() => reject(new TimedOut(message)), timeoutMs);
  });
  try {
    return await Promise.race([handler.run(...args), late]);
  } finally {
    clearTimeout(timer);
  }
}
