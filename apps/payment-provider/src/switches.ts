import { z } from 'zod';

/** How the provider misbehaves. */
export const Switches = z.strictObject({
  /** Every charge and refund is answered 503, and nothing is booked. */
  outage: z.boolean().default(false),
  /** Added to every answer, after the booking: a client that gives up earlier does not know what became of it. */
  latencyMs: z.int().min(0).max(600_000).default(0),
  /** This part of the requests is answered 503, half of them although they were booked. */
  failureRate: z.number().min(0).max(1).default(0),
});
export type Switches = z.output<typeof Switches>;

export const HARMLESS: Switches = { outage: false, latencyMs: 0, failureRate: 0 };

export class SwitchBoard {
  now: Switches = HARMLESS;
}

/** Where a request fails by chance, if at all. `chance` is evenly spread over [0, 1). */
export function failureBy(chance: number, rate: number): 'before' | 'after' | undefined {
  if (chance >= rate) return undefined;
  return chance < rate / 2 ? 'before' : 'after';
}
