/** What the provider makes of a payment token; test data as payment sandboxes have it. */
export type Outcome =
  | { readonly kind: 'charged' }
  | { readonly kind: 'declined'; readonly code: string }
  | { readonly kind: 'unavailable' };

const FLAKY_FAILURES = 2;

/** `earlierTries`: how often this key was answered `unavailable` for its token before. */
export function outcomeOf(token: string, earlierTries: number): Outcome {
  switch (token) {
    case 'tok_visa':
    case 'tok_slow':
      return { kind: 'charged' };
    case 'tok_flaky':
      return earlierTries < FLAKY_FAILURES ? { kind: 'unavailable' } : { kind: 'charged' };
    case 'tok_declined':
      return { kind: 'declined', code: 'declined' };
    case 'tok_insufficient_funds':
      return { kind: 'declined', code: 'insufficient_funds' };
    default:
      return { kind: 'declined', code: 'unknown_token' };
  }
}
