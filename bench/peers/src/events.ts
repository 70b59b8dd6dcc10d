/** Events carry on what the next service needs, so that nobody has to keep a copy of an order or to ask. */
export interface Order {
  readonly orderId: string;
  readonly customer: { readonly name: string; readonly email: string };
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly unitPriceCents: number }[];
  readonly totalCents: number;
  readonly shippingAddress: Readonly<Record<'street' | 'city' | 'postalCode' | 'country', string>>;
  readonly paymentToken: string;
}

export interface Events {
  'order.placed': Order;
  'order.completed': { readonly orderId: string };
  'inventory.reserved': Order;
  'payment.charged': Order & { readonly chargeId: string };
  'shipment.created': Order & { readonly carrier: string; readonly trackingNumber: string };
  'notification.sent': { readonly orderId: string; readonly kind: string };
}

export type EventName = keyof Events;

/** Resolves once the broker has confirmed the event. */
export type Emit = <Name extends EventName>(name: Name, data: Events[Name]) => Promise<unknown>;

export const SERVICES = ['order', 'inventory', 'payment', 'shipping', 'notification'] as const;
export type ServiceName = (typeof SERVICES)[number];
