import type {
  CancelReason,
  Customer,
  DataOf,
  LetterKind,
  OrderCancelled,
  OrderPlaced,
  SendEmail,
  ShipmentCreated,
} from '#libs/contracts';

export type Letter = DataOf<typeof SendEmail>;

/** What a customer has to know of a shipment. */
export type Shipment = Pick<DataOf<typeof ShipmentCreated>, 'carrier' | 'trackingNumber'>;

const REASONS: Readonly<Record<CancelReason, string>> = {
  out_of_stock: 'not everything you ordered is in stock',
  payment_declined: 'your payment was declined',
  undeliverable: 'nobody delivers to your country; what you paid is being given back',
};

export function letterOfOrder({ orderId, customer, lines, totalCents }: DataOf<typeof OrderPlaced>): Letter {
  const goods = lines.map(({ quantity, sku, unitPriceCents }) => `  ${quantity} x ${sku} at ${money(unitPriceCents)}`);
  return letter('order_placed', orderId, customer, 'We have your order', [
    'thank you. You ordered:',
    goods.join('\n'),
    `Total: ${money(totalCents)}`,
  ]);
}

export function letterOfShipment(orderId: string, customer: Customer, shipment: Shipment): Letter {
  const { carrier, trackingNumber } = shipment;
  return letter('order_shipped', orderId, customer, 'Your order is on its way', [
    `${carrier} has your parcel. Its tracking number is ${trackingNumber}.`,
  ]);
}

export function letterOfCancellation({ orderId, customer, reason }: DataOf<typeof OrderCancelled>): Letter {
  return letter('order_cancelled', orderId, customer, 'Your order is cancelled', [
    `we had to cancel your order: ${REASONS[reason]}.`,
  ]);
}

function letter(
  kind: LetterKind,
  orderId: string,
  to: Customer,
  subject: string,
  paragraphs: readonly string[],
): Letter {
  const text = [`Hello ${to.name},`, ...paragraphs, `Your order: ${orderId}`].join('\n\n');
  return { orderId, kind, to, subject: `${subject} (${orderId.slice(-6)})`, text: `${text}\n` };
}

function money(cents: number): string {
  return (cents / 100).toFixed(2);
}
