import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { ShipmentCreated, ShipmentRejected, type Address, type DataOf, type OrderPlaced } from '#libs/contracts';
import { send } from '#libs/outbox';
import { bookCarrier } from './carriers.js';
import { isReady, type Facts } from './shipment.js';

interface Row {
  address: Address | null;
  paid: boolean;
  rejected: boolean;
  shipment_id: string | null;
  carrier: string | null;
  tracking_number: string | null;
}

const COLUMNS = 'address, paid, rejected, shipment_id, carrier, tracking_number';

/** One row per order, begun by whichever fact came first. */
@Injectable()
export class Shipments {
  async remember({ orderId, shippingAddress }: DataOf<typeof OrderPlaced>, tx: EntityManager) {
    const [row]: Row[] = await tx.query(
      `insert into shipment as known (order_id, address) values ($1, $2)
       on conflict (order_id) do update set address = coalesce(known.address, excluded.address)
       returning ${COLUMNS}`,
      [orderId, JSON.stringify(shippingAddress)],
    );
    return this.bookIfReady(orderId, factsOf(row!), tx);
  }

  async isPaid(orderId: string, tx: EntityManager) {
    const [row]: Row[] = await tx.query(
      `insert into shipment (order_id, paid) values ($1, true)
       on conflict (order_id) do update set paid = true
       returning ${COLUMNS}`,
      [orderId],
    );
    return this.bookIfReady(orderId, factsOf(row!), tx);
  }

  async find(orderId: string, tx: EntityManager): Promise<Facts | undefined> {
    const [row]: Row[] = await tx.query(`select ${COLUMNS} from shipment where order_id = $1`, [orderId]);
    return row && factsOf(row);
  }

  /** Looks for a carrier once, when both address and payment are known. The row that `facts` come from is locked by `tx`. */
  private async bookIfReady(orderId: string, facts: Facts, tx: EntityManager) {
    if (!isReady(facts)) return [];
    const { address } = facts;
    const booking = bookCarrier(orderId, address);
    await send(
      tx,
      `update shipment set shipment_id = $2, carrier = $3, tracking_number = $4, rejected = $2::uuid is null
       where order_id = $1`,
      [orderId, booking?.shipmentId ?? null, booking?.carrier ?? null, booking?.trackingNumber ?? null],
    );
    return booking
      ? [ShipmentCreated({ orderId, ...booking })]
      : [ShipmentRejected({ orderId, country: address.country, reason: 'no_carrier' })];
  }
}

function factsOf({ address, paid, rejected, shipment_id, carrier, tracking_number }: Row): Facts {
  return {
    paid,
    rejected,
    ...(address === null ? {} : { address }),
    ...(shipment_id === null
      ? {}
      : { booking: { shipmentId: shipment_id, carrier: carrier!, trackingNumber: tracking_number! } }),
  };
}
