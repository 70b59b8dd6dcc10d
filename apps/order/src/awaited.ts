import {
  InventoryRejected,
  InventoryReleased,
  InventoryReserved,
  OrderPlaced,
  PaymentCharged,
  PaymentDeclined,
  PaymentRefunded,
  ShipmentCreated,
  ShipmentRejected,
  type EventType,
} from '#libs/contracts';
import { statusOf, type Fact, type Status } from './order.js';

/** What an order needs to go on. */
export interface Awaited {
  /** Who has to state it. */
  readonly service: string;
  /** Any of these. */
  readonly events: readonly string[];
  /** What it follows from. */
  readonly after: string;
}

type Open = Exclude<Status, 'completed' | 'cancelled'>;

const NEXT: Readonly<Record<Open, Awaited>> = {
  placed: awaits(OrderPlaced, InventoryReserved, InventoryRejected),
  reserved: awaits(InventoryReserved, PaymentCharged, PaymentDeclined),
  paid: awaits(PaymentCharged, ShipmentCreated, ShipmentRejected),
};

/** Computed from the facts, whatever order they came in; undefined once the order is settled. */
export function awaitedOf(facts: readonly Fact[]): Awaited | undefined {
  const { status, reason, settled } = statusOf(facts);
  if (settled || status === 'completed') return undefined;
  if (status !== 'cancelled') return NEXT[status];
  if (reason === 'payment_declined') return awaits(PaymentDeclined, InventoryReleased);
  const refunded = facts.some(({ type }) => type === PaymentRefunded.type);
  return refunded ? awaits(PaymentRefunded, InventoryReleased) : awaits(ShipmentRejected, PaymentRefunded);
}

/** Whom an order may have to wait for. */
export const AWAITED_SERVICES: readonly string[] = [...new Set(Object.values(NEXT).map(({ service }) => service))];

function awaits(after: EventType, ...events: readonly [EventType, ...EventType[]]): Awaited {
  return { service: events[0].source, events: events.map(({ type }) => type), after: after.type };
}
