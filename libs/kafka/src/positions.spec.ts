import { describe, expect, it } from 'vitest';
import { Positions } from './positions.js';

const p = 'order.events/0';

describe('positions', () => {
  it('begin where the first read did', () => {
    const positions = new Positions();
    expect(positions.check(p, 7n)).toEqual({ takeFrom: 7n });
    positions.taken(p, 9n);
    expect(positions.check(p, 10n)).toEqual({ takeFrom: 10n });
  });

  it('leave out what was taken already when two brokers answered the same read', () => {
    const positions = new Positions();
    positions.check(p, 0n);
    positions.taken(p, 9n);
    expect(positions.check(p, 5n)).toEqual({ takeFrom: 10n });
  });

  it('do not pass over what was handed back when the group was joined again', () => {
    const positions = new Positions();
    positions.check(p, 0n);
    positions.taken(p, 99n);
    positions.settled(p, 19n);
    positions.joined(new Set([p]));
    expect(positions.check(p, 100n)).toEqual({ readFrom: 20n });
    expect(positions.check(p, 20n)).toEqual({ takeFrom: 20n });
  });

  it('take again what was settled and could not be committed', () => {
    const positions = new Positions();
    positions.check(p, 0n);
    positions.taken(p, 99n);
    positions.settled(p, 19n);
    positions.joined(new Set([p]));
    expect(positions.check(p, 10n)).toEqual({ takeFrom: 10n });
    positions.taken(p, 49n);
    expect(positions.check(p, 50n)).toEqual({ takeFrom: 50n });
  });

  it('forget a partition that somebody else had', () => {
    const positions = new Positions();
    positions.check(p, 0n);
    positions.joined(new Set());
    positions.joined(new Set([p]));
    expect(positions.check(p, 500n)).toEqual({ takeFrom: 500n });
  });

  it('accept a gap that stays: those messages are gone', () => {
    const positions = new Positions();
    positions.check(p, 0n);
    positions.taken(p, 9n);
    for (let n = 0; n < 5; n++) expect(positions.check(p, 1_000n)).toEqual({ readFrom: 10n });
    expect(positions.check(p, 1_000n)).toEqual({ takeFrom: 1_000n });
  });
});
