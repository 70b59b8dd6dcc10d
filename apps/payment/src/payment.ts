/** What this service knows about the money of one order; `undefined` is not known yet. */
export interface Facts {
  readonly amountCents?: number;
  readonly stockReserved: boolean;
  readonly undeliverable: boolean;
  readonly chargeAsked: boolean;
  readonly chargeId?: string;
  readonly declineCode?: string;
  readonly refundId?: string;
}

export const STATUSES = ['waiting', 'charging', 'charged', 'declined', 'refunding', 'refunded'] as const;
export type Status = (typeof STATUSES)[number];

/** Computed from the facts, whatever order they came in. */
export function statusOf(facts: Facts): Status {
  if (facts.refundId !== undefined) return 'refunded';
  if (facts.declineCode !== undefined) return 'declined';
  if (facts.chargeId !== undefined) return facts.undeliverable ? 'refunding' : 'charged';
  return facts.chargeAsked ? 'charging' : 'waiting';
}
