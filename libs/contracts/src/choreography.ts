// Written from the services' reactions by `npm run choreography`; do not edit.

/** Which service reacts to which events: known to every service, so that whoever starts first sets up all queues. */
export const choreography: readonly {
  readonly service: string;
  readonly sources: readonly { readonly topic: string; readonly type: string }[];
}[] = [
  {
    service: 'order',
    sources: [
      { topic: 'inventory.events', type: 'inventory.reserved' },
      { topic: 'inventory.events', type: 'inventory.rejected' },
      { topic: 'payment.events', type: 'payment.charged' },
      { topic: 'payment.events', type: 'payment.declined' },
      { topic: 'shipping.events', type: 'shipment.created' },
      { topic: 'shipping.events', type: 'shipment.rejected' },
      { topic: 'payment.events', type: 'payment.refunded' },
      { topic: 'inventory.events', type: 'inventory.released' },
      { topic: 'notification.events', type: 'notification.sent' },
    ],
  },
  {
    service: 'inventory',
    sources: [
      { topic: 'order.events', type: 'order.placed' },
      { topic: 'payment.events', type: 'payment.declined' },
      { topic: 'payment.events', type: 'payment.refunded' },
      { topic: 'shipping.events', type: 'shipment.created' },
    ],
  },
  {
    service: 'notification',
    sources: [
      { topic: 'order.events', type: 'order.placed' },
      { topic: 'shipping.events', type: 'shipment.created' },
      { topic: 'order.events', type: 'order.cancelled' },
    ],
  },
  {
    service: 'payment',
    sources: [
      { topic: 'order.events', type: 'order.placed' },
      { topic: 'inventory.events', type: 'inventory.reserved' },
      { topic: 'shipping.events', type: 'shipment.rejected' },
    ],
  },
  {
    service: 'shipping',
    sources: [
      { topic: 'order.events', type: 'order.placed' },
      { topic: 'payment.events', type: 'payment.charged' },
    ],
  },
];
