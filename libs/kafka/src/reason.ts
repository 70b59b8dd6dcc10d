import { TookTooLong } from './waiting.js';

/**
 * kafkajs wraps: the innermost cause says it. Where it swallowed the cause (and then fails with a TypeError) or was still trying when time was up, what it
 * logged last does.
 */
export function reasonOf(error: unknown, lastLogged?: string): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  if (inner instanceof TypeError && lastLogged) return lastLogged;
  if (inner instanceof TookTooLong && lastLogged) return `${inner.message}: ${lastLogged}`;
  if (inner instanceof AggregateError) return inner.errors.map((each) => reasonOf(each)).join('; ');
  return inner instanceof Error ? inner.message : String(inner);
}
