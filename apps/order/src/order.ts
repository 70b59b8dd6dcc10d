import {
  InventoryRejected,
  InventoryReleased,
  InventoryReserved,
  NotificationSent,
  OrderCancelled,
  OrderCompleted,
  OrderPlaced,
  PaymentCharged,
  PaymentDeclined,
  PaymentRefunded,
  ShipmentCreated,
  ShipmentRejected,
  type CancelReason,
} from '#libs/contracts';

/** An event about the order, as far as it is remembered. */
export interface Fact {
  readonly type: string;
  /** Who stated it. */
  readonly service: string;
  /** When, by that service's clock; ISO 8601. */
  readonly time: string;
  /** The event's own id, absent on what this service stated itself, and that of the message it follows from. */
  readonly id?: string;
  readonly causationId?: string;
  /** The order in which its service stated it. */
  readonly sequence?: number;
  /** What is worth knowing of it: the code of a refusal, the tracking number, which letter was sent. */
  readonly detail?: string;
}

export const STATUSES = ['placed', 'reserved', 'paid', 'completed', 'cancelled'] as const;
export type Status = (typeof STATUSES)[number];

export interface Standing {
  readonly status: Status;
  /** Why it was cancelled. */
  readonly reason?: CancelReason;
  /** Nothing more is to come: it is completed, or cancelled and all that had been done for it is undone. */
  readonly settled: boolean;
}

const ENDINGS: readonly (readonly [type: string, reason: CancelReason])[] = [
  [InventoryRejected.type, 'out_of_stock'],
  [PaymentDeclined.type, 'payment_declined'],
  [ShipmentRejected.type, 'undeliverable'],
];

/** What has to be undone, by how far the order had come. */
const COMPENSATIONS: Readonly<Record<CancelReason, readonly string[]>> = {
  out_of_stock: [],
  payment_declined: [InventoryReleased.type],
  undeliverable: [PaymentRefunded.type, InventoryReleased.type],
};

/** Computed from the facts, whatever order they came in. */
export function statusOf(facts: readonly Fact[]): Standing {
  const seen = new Set(facts.map(({ type }) => type));
  if (seen.has(ShipmentCreated.type)) return { status: 'completed', settled: true };
  const reason = ENDINGS.find(([type]) => seen.has(type))?.[1];
  if (reason) return { status: 'cancelled', reason, settled: COMPENSATIONS[reason].every((type) => seen.has(type)) };
  if (seen.has(PaymentCharged.type)) return { status: 'paid', settled: false };
  return { status: seen.has(InventoryReserved.type) ? 'reserved' : 'placed', settled: false };
}

export function hasEnded({ status }: Standing): boolean {
  return status === 'completed' || status === 'cancelled';
}

/**
 * What comes before what. Causation would tell, but runs through commands that only their own service sees; clocks of several
 * machines must not be compared; and the story is known. A letter stands behind what it tells of.
 */
const STORY: readonly string[] = [
  OrderPlaced.type,
  `${NotificationSent.type} order_placed`,
  InventoryReserved.type,
  InventoryRejected.type,
  PaymentCharged.type,
  PaymentDeclined.type,
  ShipmentCreated.type,
  ShipmentRejected.type,
  OrderCompleted.type,
  OrderCancelled.type,
  `${NotificationSent.type} order_shipped`,
  `${NotificationSent.type} order_cancelled`,
  PaymentRefunded.type,
  InventoryReleased.type,
];

/** The facts with one more, in the order of the story; undefined when it was known, told perhaps by another message. */
export function withFact(facts: readonly Fact[], fact: Fact): Fact[] | undefined {
  if (facts.some((known) => nameOf(known) === nameOf(fact))) return undefined;
  return [...facts, fact].toSorted((one, other) => placeOf(one) - placeOf(other));
}

/** An order has each fact once, but several letters. */
function nameOf({ type, detail }: Fact): string {
  return type === NotificationSent.type ? `${type} ${detail}` : type;
}

function placeOf(fact: Fact): number {
  const place = STORY.indexOf(nameOf(fact));
  return place < 0 ? STORY.length : place;
}
