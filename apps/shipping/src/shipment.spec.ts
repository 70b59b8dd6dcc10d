import { describe, expect, it } from 'vitest';
import { isReady, statusOf, type Facts } from './shipment.js';

describe('a shipment', () => {
  const address = { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' };
  const booking = { shipmentId: 'b1', carrier: 'Royal Mail', trackingNumber: 'RM1' };

  it.each<[boolean, string, Facts]>([
    [false, 'waiting', { paid: false, rejected: false }],
    [false, 'waiting', { paid: false, rejected: false, address }],
    [false, 'waiting', { paid: true, rejected: false }],
    [true, 'waiting', { paid: true, rejected: false, address }],
    [false, 'created', { paid: true, rejected: false, address, booking }],
    [false, 'rejected', { paid: true, rejected: true, address }],
  ])('is ready: %s, and %s', (ready, status, facts) => {
    expect([isReady(facts), statusOf(facts)]).toEqual([ready, status]);
  });
});
