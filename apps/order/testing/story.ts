import { v7 as uuidv7 } from 'uuid';
import {
  InventoryRejected,
  InventoryReleased,
  InventoryReserved,
  NotificationSent,
  PaymentCharged,
  PaymentDeclined,
  PaymentRefunded,
  ShipmentCreated,
  ShipmentRejected,
  type DataOf,
  type Envelope,
} from '#libs/contracts';
import { envelopeOf } from '#libs/service/testing';

export const requestBody = {
  customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
  lines: [{ sku: 'mug-blue', quantity: 2 }],
  shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
  paymentToken: 'tok_visa',
};

/** All that the order service may hear about one order. */
export function factsOf(orderId: string) {
  const lines = [{ sku: 'mug-blue', quantity: 2 }];
  const amountCents = 2_400;
  const letter = (kind: DataOf<typeof NotificationSent>['kind']) =>
    envelopeOf(NotificationSent({ orderId, kind, messageId: `${kind}@example.com` }));
  return {
    reserved: envelopeOf(InventoryReserved({ orderId, lines })),
    rejected: envelopeOf(InventoryRejected({ orderId, missing: [{ sku: 'mug-blue', quantity: 2, available: 1 }] })),
    released: envelopeOf(InventoryReleased({ orderId, lines })),
    charged: envelopeOf(PaymentCharged({ orderId, chargeId: 'ch_1', amountCents })),
    declined: envelopeOf(PaymentDeclined({ orderId, code: 'insufficient_funds' })),
    refunded: envelopeOf(PaymentRefunded({ orderId, chargeId: 'ch_1', refundId: 're_1', amountCents })),
    shipped: envelopeOf(
      ShipmentCreated({ orderId, shipmentId: uuidv7(), carrier: 'Royal Mail', trackingNumber: 'RM1' }),
    ),
    undeliverable: envelopeOf(ShipmentRejected({ orderId, country: 'AQ', reason: 'no_carrier' })),
    placedLetter: letter('order_placed'),
    shippedLetter: letter('order_shipped'),
    cancelledLetter: letter('order_cancelled'),
  };
}

/** What the order service hears in each story, in tidy order. */
export const stories = {
  completed: ['placedLetter', 'reserved', 'charged', 'shipped', 'shippedLetter'],
  outOfStock: ['placedLetter', 'rejected', 'cancelledLetter'],
  declined: ['placedLetter', 'reserved', 'declined', 'cancelledLetter', 'released'],
  undeliverable: ['placedLetter', 'reserved', 'charged', 'undeliverable', 'cancelledLetter', 'refunded', 'released'],
} as const satisfies Record<string, readonly (keyof ReturnType<typeof factsOf>)[]>;

export function tell(story: keyof typeof stories, orderId: string): Envelope[] {
  const facts = factsOf(orderId);
  return stories[story].map((fact) => facts[fact]);
}
