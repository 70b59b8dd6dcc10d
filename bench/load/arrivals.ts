import { randomFrom } from '../statistics.js';
import type { Window } from './loops.js';

/**
 * When orders are to be sent, ascending, in milliseconds from the start. A Poisson process of which the number is known: at independent, uniform times,
 * `perSecond` as exactly as whole orders allow, in ramp and window each. The same for the same seed.
 */
export function arrivals(perSecond: number, { rampMs, windowMs }: Window, seed: number): number[] {
  const random = randomFrom(seed);
  const within = (from: number, lengthMs: number) =>
    Array.from({ length: Math.round((perSecond * lengthMs) / 1000) }, () => from + random() * lengthMs);
  // The window's first: at almost the same rate they are almost the same.
  const counted = within(rampMs, windowMs);
  return [...within(0, rampMs), ...counted].toSorted((one, other) => one - other);
}
