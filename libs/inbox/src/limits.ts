import type { EntityManager } from 'typeorm';
import type { Handler, RetryPolicy } from '#libs/messaging';
import { cancelStatementOf } from './cancel.js';

const LATE = Symbol('late');

/** What holds for every reaction and command that does not say otherwise. */
export interface Limits {
  readonly retry: Required<RetryPolicy>;
  /** Milliseconds until a handler that has not ended counts as failed; a command's conclusion has as many again, and no more, however long its call may take. */
  readonly timeoutMs: number;
}

export function retryOf(handler: Handler | undefined, limits: Limits): Required<RetryPolicy> {
  return { ...limits.retry, ...handler?.retry };
}

/**
 * Ends of the process that a message may be the cause of before it is given up. A handler's own, larger number of attempts is there for outages
 * of what it calls, which no process dies of.
 */
export function deathsOf(handler: Handler, limits: Limits): number {
  return Math.min(limits.retry.attempts, retryOf(handler, limits).attempts);
}

/** The handler did not end in time; its transaction is rolled back. */
class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/**
 * Runs a part of a handler, in a transaction or outside of one; rejects with `TimedOut` when it takes longer than the handler, or else the service, allows. What the
 * transaction waits for in the database is cancelled by then, so it can be rolled back at once.
 */
export async function runWithin<T>(
  limits: Limits,
  handler: Handler,
  part: () => Promise<T>,
  tx?: EntityManager,
): Promise<T> {
  const ofHandler = handler.timeoutMs ?? limits.timeoutMs;
  // It holds a connection, and its row; whatever else takes long belongs to the call.
  const concludes = tx !== undefined && handler.reactsTo.kind === 'command';
  const timeoutMs = concludes ? Math.min(ofHandler, limits.timeoutMs) : ofHandler;
  const late = Promise.withResolvers<typeof LATE>();
  const timer = setTimeout(() => late.resolve(LATE), timeoutMs);
  try {
    const outcome = await Promise.race([part(), late.promise]);
    if (outcome !== LATE) return outcome;
    if (tx) await cancelStatementOf(tx);
    throw new TimedOut(`the handler of ${handler.reactsTo.type} did not end within ${timeoutMs} ms`);
  } finally {
    clearTimeout(timer);
  }
}
