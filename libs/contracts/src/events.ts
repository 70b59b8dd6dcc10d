import { z } from 'zod';
import { event } from './message-type.js';

const orderId = z.uuid();
/** Integer cents, never a fraction. */
const cents = z.int().nonnegative();
const byOrder = (data: { orderId: string }) => data.orderId;

export const Line = z.object({ sku: z.string().min(1), quantity: z.int().positive() });
export type Line = z.output<typeof Line>;

export const PricedLine = Line.extend({ unitPriceCents: cents });

export const Customer = z.object({ name: z.string().min(1), email: z.email() });
export type Customer = z.output<typeof Customer>;

export const Address = z.object({
  street: z.string().min(1),
  city: z.string().min(1),
  postalCode: z.string().min(1),
  /** ISO 3166-1 alpha-2 */
  country: z.string().regex(/^[A-Z]{2}$/),
});
export type Address = z.output<typeof Address>;

export const OrderPlaced = event('order.placed', {
  source: 'order',
  key: byOrder,
  data: z.object({
    orderId,
    customer: Customer,
    lines: z.array(PricedLine).min(1),
    totalCents: cents,
    shippingAddress: Address,
    paymentToken: z.string().min(1),
  }),
});

export const OrderCompleted = event('order.completed', { source: 'order', key: byOrder, data: z.object({ orderId }) });

/** Why an order ended without goods: the code of the event that ended it. */
export const CancelReason = z.enum(['out_of_stock', 'payment_declined', 'undeliverable']);
export type CancelReason = z.output<typeof CancelReason>;

export const OrderCancelled = event('order.cancelled', {
  source: 'order',
  key: byOrder,
  data: z.object({ orderId, reason: CancelReason, customer: Customer }),
});

export const InventoryReserved = event('inventory.reserved', {
  source: 'inventory',
  key: byOrder,
  data: z.object({ orderId, lines: z.array(Line) }),
});

export const InventoryRejected = event('inventory.rejected', {
  source: 'inventory',
  key: byOrder,
  data: z.object({ orderId, missing: z.array(Line.extend({ available: z.int().nonnegative() })).min(1) }),
});

export const InventoryReleased = event('inventory.released', {
  source: 'inventory',
  key: byOrder,
  data: z.object({ orderId, lines: z.array(Line) }),
});

export const PaymentCharged = event('payment.charged', {
  source: 'payment',
  key: byOrder,
  data: z.object({ orderId, chargeId: z.string().min(1), amountCents: cents }),
});

export const PaymentDeclined = event('payment.declined', {
  source: 'payment',
  key: byOrder,
  data: z.object({ orderId, code: z.string().min(1) }),
});

export const PaymentRefunded = event('payment.refunded', {
  source: 'payment',
  key: byOrder,
  data: z.object({ orderId, chargeId: z.string().min(1), refundId: z.string().min(1), amountCents: cents }),
});

export const ShipmentCreated = event('shipment.created', {
  source: 'shipping',
  key: byOrder,
  data: z.object({ orderId, shipmentId: z.uuid(), carrier: z.string().min(1), trackingNumber: z.string().min(1) }),
});

export const ShipmentRejected = event('shipment.rejected', {
  source: 'shipping',
  key: byOrder,
  data: z.object({ orderId, country: z.string(), reason: z.literal('no_carrier') }),
});

/** What an e-mail to a customer is about. */
export const LetterKind = z.enum(['order_placed', 'order_shipped', 'order_cancelled']);
export type LetterKind = z.output<typeof LetterKind>;

export const NotificationSent = event('notification.sent', {
  source: 'notification',
  key: byOrder,
  data: z.object({
    orderId,
    kind: LetterKind,
    messageId: z.string(),
  }),
});
