import { v7 as uuidv7 } from 'uuid';
import { OrderPlaced, PaymentDeclined, PaymentRefunded, ShipmentCreated, type Line } from '#libs/contracts';
import { envelopeOf } from '#libs/service/testing';

/** All that inventory may hear about one order. */
export function orderOf(...lines: Line[]) {
  const orderId = uuidv7();
  return {
    orderId,
    placed: envelopeOf(
      OrderPlaced({
        orderId,
        customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
        lines: lines.map((line) => ({ ...line, unitPriceCents: 1_200 })),
        totalCents: 1_200,
        shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
        paymentToken: 'tok_visa',
      }),
    ),
    declined: envelopeOf(PaymentDeclined({ orderId, code: 'declined' })),
    refunded: envelopeOf(PaymentRefunded({ orderId, chargeId: 'ch_1', refundId: 're_1', amountCents: 1_200 })),
    shipped: envelopeOf(
      ShipmentCreated({ orderId, shipmentId: uuidv7(), carrier: 'Royal Mail', trackingNumber: 'RM1' }),
    ),
  };
}
