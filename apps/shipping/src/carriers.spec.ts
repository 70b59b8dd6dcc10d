import { v7 as uuidv7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { bookCarrier } from './carriers.js';

describe('booking a carrier', () => {
  const orderId = uuidv7();

  it.each([
    ['GB', 'Royal Mail'],
    ['FR', 'La Poste'],
    ['DE', 'DHL Paket'],
    ['US', 'USPS'],
    ['JP', 'Postal Union'],
  ])('to %s takes %s', (country, carrier) => {
    expect(bookCarrier(orderId, { country })?.carrier).toBe(carrier);
  });

  it('finds nobody who delivers to Antarctica', () => {
    expect(bookCarrier(orderId, { country: 'AQ' })).toBeUndefined();
  });

  it('books the same shipment for the same order, and another for another', () => {
    const booking = bookCarrier(orderId, { country: 'GB' })!;
    expect(bookCarrier(orderId, { country: 'GB' })).toEqual(booking);
    expect(bookCarrier(uuidv7(), { country: 'GB' })?.shipmentId).not.toBe(booking.shipmentId);
    expect(booking.trackingNumber).toMatch(/^RM[0-9A-F]{12}$/);
  });
});
