import { z } from 'zod';
import { Address, CancelReason, Customer, PricedLine } from '#libs/contracts';
import { cursorAfter, orderIdIn } from './cursor.js';
import { STATUSES } from './order.js';
import type { OrderSummary, PlacedOrder, WholeOrder } from './order.store.js';

const cents = z.int().nonnegative();
const Links = z.object({ self: z.string() });
const TracedLinks = Links.extend({ trace: z.string().optional() });

/** Answer of `POST /orders`; the same for each request with one Idempotency-Key. */
export const PlacedView = z.object({
  orderId: z.uuid(),
  status: z.literal('placed'),
  totalCents: cents,
  correlationId: z.string(),
  traceId: z.string().optional(),
  links: TracedLinks,
});

export const SummaryView = z.object({
  orderId: z.uuid(),
  status: z.enum(STATUSES),
  reason: CancelReason.optional(),
  settled: z.boolean(),
  totalCents: cents,
  placedAt: z.iso.datetime(),
  settledAt: z.iso.datetime().optional(),
  links: Links,
});

export const OrderView = SummaryView.extend({
  correlationId: z.string(),
  traceId: z.string().optional(),
  links: TracedLinks,
  customer: Customer,
  lines: z.array(PricedLine),
  shippingAddress: Address,
  history: z.array(
    z.object({
      type: z.string(),
      service: z.string(),
      time: z.iso.datetime(),
      id: z.string().optional(),
      causationId: z.string().optional(),
      sequence: z.int().optional(),
      detail: z.string().optional(),
    }),
  ),
});

export const ListQuery = z.strictObject({
  status: z.enum(STATUSES).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z
    .string()
    .refine((text) => orderIdIn(text) !== undefined, 'is no cursor; send nextCursor of the page before, as it is')
    .optional(),
});

export const ListView = z.object({ orders: z.array(SummaryView), nextCursor: z.string().optional() });

export const ProductsView = z.object({
  products: z.array(z.object({ sku: z.string(), name: z.string(), priceCents: cents })),
});

export function pathOf(orderId: string): string {
  return `/orders/${orderId}`;
}

export function placedView(order: PlacedOrder, jaegerUrl?: string): z.output<typeof PlacedView> {
  const { orderId, totalCents, correlationId } = order;
  return { orderId, status: 'placed', totalCents, correlationId, ...traceOf(order, jaegerUrl) };
}

export function orderView(order: WholeOrder, jaegerUrl?: string): z.output<typeof OrderView> {
  const { correlationId, customer, lines, shippingAddress, facts } = order;
  return {
    ...summaryView(order),
    ...traceOf(order, jaegerUrl),
    correlationId,
    customer,
    lines: [...lines],
    shippingAddress,
    history: facts.map((fact) => ({ ...fact })),
  };
}

/** Expects one order more than the limit where there is one: so it is known whether a page follows. */
export function listView(found: readonly OrderSummary[], limit: number): z.output<typeof ListView> {
  const orders = found.slice(0, limit);
  const last = orders.at(-1);
  return {
    orders: orders.map(summaryView),
    ...(last && found.length > limit ? { nextCursor: cursorAfter(last.orderId) } : {}),
  };
}

/** The trace, and where it can be looked at. */
function traceOf({ orderId, traceId }: PlacedOrder, jaegerUrl: string | undefined) {
  const trace = traceId && jaegerUrl ? { trace: `${jaegerUrl.replace(/\/$/, '')}/trace/${traceId}` } : {};
  return { ...(traceId ? { traceId } : {}), links: { self: pathOf(orderId), ...trace } };
}

function summaryView(order: OrderSummary): z.output<typeof SummaryView> {
  const { orderId, status, reason, totalCents, placedAt, settledAt } = order;
  return {
    orderId,
    status,
    ...(reason ? { reason } : {}),
    settled: settledAt !== null,
    totalCents,
    placedAt: placedAt.toISOString(),
    ...(settledAt ? { settledAt: settledAt.toISOString() } : {}),
    links: { self: pathOf(orderId) },
  };
}
