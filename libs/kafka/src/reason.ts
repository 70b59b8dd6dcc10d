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
  if (!(inner instanceof Error)) return String(inner);
  // Those of kafkajs are no `AggregateError`.
  const { errors } = inner as { readonly errors?: readonly (Error & { readonly topic?: string })[] };
  return errors?.map((each) => (each.topic ? `${each.topic}: ` : '') + reasonOf(each)).join('; ') ?? inner.message;
}
