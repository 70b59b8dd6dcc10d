import { fullJitterGenerator } from 'cockatiel';
import type { RetryPolicy } from '#libs/messaging';

/** Milliseconds until the try after `attempts` failed ones: random between 0 and the doubling, capped bound. */
export function delayAfter(attempts: number, { baseMs, capMs }: Required<RetryPolicy>): number {
  const [delay] = fullJitterGenerator(attempts - 1, {
    generator: fullJitterGenerator,
    initialDelay: baseMs,
    maxDelay: capMs,
    exponent: 2,
  });
  return delay;
}
