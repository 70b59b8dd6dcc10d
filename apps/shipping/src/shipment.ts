import type { Address } from '#libs/contracts';
import type { Booking } from './carriers.js';

/** What this service knows about the parcel of one order. */
export interface Facts {
  readonly address?: Address;
  readonly paid: boolean;
  readonly booking?: Booking;
  /** Nobody delivers there. */
  readonly rejected: boolean;
}

export const STATUSES = ['waiting', 'created', 'rejected'] as const;
export type Status = (typeof STATUSES)[number];

export function statusOf({ booking, rejected }: Facts): Status {
  if (booking) return 'created';
  return rejected ? 'rejected' : 'waiting';
}

/** True once address and payment are known, until a carrier has been looked for. */
export function isReady(facts: Facts): facts is Facts & { readonly address: Address } {
  return facts.address !== undefined && facts.paid && statusOf(facts) === 'waiting';
}
