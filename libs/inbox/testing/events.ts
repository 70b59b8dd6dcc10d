import { v7 as uuidv7 } from 'uuid';
import { encode, ShipmentCreated } from '#libs/contracts';
import type { Delivery } from '#libs/messaging';

/** A `shipment.created` of an order of its own, just delivered. */
export function shipped(): Delivery {
  const orderId = uuidv7();
  const { type, version, source } = ShipmentCreated;
  const { data } = ShipmentCreated({ orderId, shipmentId: uuidv7(), carrier: 'Post', trackingNumber: '1' });
  const event = { id: uuidv7(), type, version, source, key: orderId, time: new Date().toISOString() };
  const { headers, body } = encode({ ...event, correlationId: uuidv7(), data });
  const place = { topic: 'shipping.events', origin: 'test', redelivered: false };
  return { id: event.id, type, key: orderId, headers, body, ...place };
}
