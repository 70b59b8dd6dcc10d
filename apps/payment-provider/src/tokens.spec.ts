import { describe, expect, it } from 'vitest';
import { outcomeOf } from './tokens.js';

describe('payment tokens', () => {
  it.each(['tok_visa', 'tok_slow'])('%s is charged', (token) => {
    expect(outcomeOf(token, 0)).toEqual({ kind: 'charged' });
  });

  it.each([
    ['tok_declined', 'declined'],
    ['tok_insufficient_funds', 'insufficient_funds'],
    ['tok_of_nobody', 'unknown_token'],
  ])('%s is declined with the code %s', (token, code) => {
    expect(outcomeOf(token, 0)).toEqual({ kind: 'declined', code });
  });

  it('tok_flaky fails twice, then is charged', () => {
    expect([0, 1, 2].map((tries) => outcomeOf('tok_flaky', tries).kind)).toEqual([
      'unavailable',
      'unavailable',
      'charged',
    ]);
  });
});
