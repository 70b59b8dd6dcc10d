import { randomUUIDv7 } from 'node:crypto';
import { encode, OrderPlaced, type Envelope } from '#libs/contracts';
import { topicOf, type OutgoingMessage } from '#libs/messaging';

/** What the order service states of an order like those that the load places. */
export function orderPlaced(sku = 'mug-blue'): Envelope<typeof OrderPlaced> {
  const orderId = randomUUIDv7();
  return {
    id: randomUUIDv7(),
    type: OrderPlaced.type,
    version: OrderPlaced.version,
    source: OrderPlaced.source,
    key: orderId,
    time: new Date().toISOString(),
    correlationId: randomUUIDv7(),
    data: {
      orderId,
      customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
      lines: [{ sku, quantity: 1, unitPriceCents: 1_200 }],
      totalCents: 1_200,
      shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
      paymentToken: 'tok_visa',
    },
  };
}

/** As it goes out. */
export function outgoing(envelope: Envelope): OutgoingMessage {
  const { id, type, key } = envelope;
  return { id, type, key, topic: topicOf(envelope), ...encode(envelope) };
}
