import { v7 as uuidv7 } from 'uuid';
import { OrderPlaced } from '#libs/contracts';
import { envelopeOf } from './envelope-of.js';

/** Of an order for one mug, told from others by its token. */
export function dataOf(paymentToken: string, orderId: string) {
  return {
    orderId,
    customer: { name: 'Ada', email: 'ada@example.com' },
    lines: [{ sku: 'mug', quantity: 1, unitPriceCents: 1 }],
    totalCents: 1,
    shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
    paymentToken,
  };
}

export const placed = (paymentToken: string, orderId: string = uuidv7()) =>
  envelopeOf(OrderPlaced(dataOf(paymentToken, orderId)));
