import { randomUUID } from 'node:crypto';
import { Journal } from './journal.js';
import { outcomeOf } from './tokens.js';

export interface ChargeRequest {
  readonly orderId: string;
  readonly amountCents: number;
  readonly paymentToken: string;
}

export interface RefundRequest {
  readonly chargeId: string;
  readonly amountCents: number;
}

export interface Charge {
  readonly chargeId: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly status: 'charged' | 'declined';
  /** Why it was declined. */
  readonly code?: string;
  readonly at: string;
}

export interface Refund {
  readonly refundId: string;
  readonly chargeId: string;
  readonly amountCents: number;
  readonly at: string;
}

export type BookedCharge = Charge & { readonly refunds: readonly Refund[] };

type Entry = { readonly key: string; readonly request: string } & (
  { readonly charge: Charge } | { readonly refund: Refund }
);

/** A request that the ledger does not book, ever. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(
    readonly status: 404 | 422,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Who was charged what, and given back. All of it runs in one turn of the event loop, from the look at the key to the line in the
 * journal; thus two requests with one key, however close together, are booked once.
 */
export class Ledger {
  private readonly charges = new Map<string, Charge & { refunds: Refund[] }>();
  private readonly byOrder = new Map<string, string[]>();
  private readonly byKey = new Map<string, Entry>();
  private readonly failures = new Map<string, number>();

  private constructor(private readonly journal: Journal<Entry>) {}

  static open(file: string): Ledger {
    const { journal, entries } = Journal.open<Entry>(file);
    const ledger = new Ledger(journal);
    for (const entry of entries) ledger.apply(entry);
    return ledger;
  }

  /** The charge of this key, booked now or earlier; undefined when the token's bank is out of reach. */
  charge(key: string, request: ChargeRequest): { charge: Charge; replayed: boolean } | undefined {
    const before = this.answered(key, 'charge', request);
    if (before) return { charge: (before as { charge: Charge }).charge, replayed: true };
    const { orderId, amountCents, paymentToken } = request;
    const outcome = outcomeOf(paymentToken, this.failures.get(key) ?? 0);
    if (outcome.kind === 'unavailable') {
      this.failures.set(key, (this.failures.get(key) ?? 0) + 1);
      return undefined;
    }
    const charge: Charge = {
      chargeId: `ch_${randomUUID()}`,
      orderId,
      amountCents,
      status: outcome.kind,
      ...(outcome.kind === 'declined' ? { code: outcome.code } : {}),
      at: new Date().toISOString(),
    };
    this.book({ key, request: fingerprint('charge', request), charge });
    this.failures.delete(key);
    return { charge, replayed: false };
  }

  /** The refund of this key, booked now or earlier. A charge is never given back beyond its amount. */
  refund(key: string, request: RefundRequest): { refund: Refund; replayed: boolean } {
    const before = this.answered(key, 'refund', request);
    if (before) return { refund: (before as { refund: Refund }).refund, replayed: true };
    const { chargeId, amountCents } = request;
    const charge = this.charges.get(chargeId);
    if (charge?.status !== 'charged') throw new Refused(404, `there is no charge ${chargeId}`);
    const left = charge.amountCents - sum(charge.refunds);
    if (amountCents > left) throw new Refused(422, `of ${chargeId}, ${left} cents can still be refunded`);
    const refund: Refund = { refundId: `re_${randomUUID()}`, chargeId, amountCents, at: new Date().toISOString() };
    this.book({ key, request: fingerprint('refund', request), refund });
    return { refund, replayed: false };
  }

  ofOrder(orderId: string): BookedCharge[] {
    return (this.byOrder.get(orderId) ?? []).map((id) => this.charges.get(id)!);
  }

  /** In the order of booking. */
  page(offset: number, limit: number): BookedCharge[] {
    return [...this.charges.values()].slice(offset, offset + limit);
  }

  summary() {
    const all = [...this.charges.values()];
    const charged = all.filter(({ status }) => status === 'charged');
    const refunds = charged.flatMap((charge) => charge.refunds);
    return {
      charged: charged.length,
      declined: all.length - charged.length,
      refunded: refunds.length,
      chargedCents: sum(charged),
      refundedCents: sum(refunds),
    };
  }

  close(): void {
    this.journal.close();
  }

  private answered(key: string, kind: 'charge' | 'refund', request: ChargeRequest | RefundRequest): Entry | undefined {
    const before = this.byKey.get(key);
    if (before && before.request !== fingerprint(kind, request)) {
      throw new Refused(422, 'this Idempotency-Key came with another request before');
    }
    return before;
  }

  private book(entry: Entry): void {
    this.journal.append(entry);
    this.apply(entry);
  }

  private apply(entry: Entry): void {
    this.byKey.set(entry.key, entry);
    if ('refund' in entry) {
      this.charges.get(entry.refund.chargeId)?.refunds.push(entry.refund);
      return;
    }
    const { chargeId, orderId } = entry.charge;
    this.charges.set(chargeId, { ...entry.charge, refunds: [] });
    this.byOrder.set(orderId, [...(this.byOrder.get(orderId) ?? []), chargeId]);
  }
}

/** Holds no token: the ledger is a file on a disk. */
function fingerprint(kind: 'charge' | 'refund', request: ChargeRequest | RefundRequest): string {
  const what = 'orderId' in request ? request.orderId : request.chargeId;
  return `${kind} ${what} ${request.amountCents}`;
}

function sum(amounts: readonly { readonly amountCents: number }[]): number {
  return amounts.reduce((total, { amountCents }) => total + amountCents, 0);
}
