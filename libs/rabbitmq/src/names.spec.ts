import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { SLOTS, slotOf, slotsOf } from './names.js';

const anyLanes = fc.integer({ min: 1, max: SLOTS });

test('each slot belongs to one lane, however many there are, and lanes differ by one slot at most', () => {
  fc.assert(
    fc.property(anyLanes, (lanes) => {
      const shares = Array.from({ length: lanes }, (_, lane) => slotsOf(lane, lanes));
      expect(new Set(shares.flat()).size).toBe(SLOTS);
      expect(shares.flat()).toHaveLength(SLOTS);
      const sizes = shares.map((share) => share.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

test('each key has a slot that some lane takes', () => {
  fc.assert(
    fc.property(fc.string(), anyLanes, (key, lanes) => {
      const takers = Array.from({ length: lanes }, (_, lane) => slotsOf(lane, lanes)).filter((share) =>
        share.includes(slotOf(key)),
      );
      expect(takers).toHaveLength(1);
    }),
  );
});

test('publishers of every release agree on where a key goes', () => {
  expect(['', 'order-1', '01a211b1-da3c-754c-a875-2e4211e4f91e', 'Żółw'].map(slotOf)).toMatchInlineSnapshot(`
    [
      "slot.0",
      "slot.15",
      "slot.5",
      "slot.6",
    ]
  `);
});
