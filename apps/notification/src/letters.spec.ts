import { describe, expect, it } from 'vitest';
import { CancelReason } from '#libs/contracts';
import { letterOfCancellation, letterOfOrder, letterOfShipment } from './letters.js';

describe('letters', () => {
  const orderId = '0199a000-0000-7000-8000-000000abcdef';
  const customer = { name: 'Ada Lovelace', email: 'ada@example.com' };

  it('tell what was ordered and what it costs', () => {
    const letter = letterOfOrder({
      orderId,
      customer,
      lines: [{ sku: 'mug-blue', quantity: 2, unitPriceCents: 1_205 }],
      totalCents: 2_410,
      shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
      paymentToken: 'tok_visa',
    });
    expect(letter).toMatchObject({
      orderId,
      kind: 'order_placed',
      to: customer,
      subject: 'We have your order (abcdef)',
    });
    expect(letter.text).toContain('Hello Ada Lovelace,');
    expect(letter.text).toContain('2 x mug-blue at 12.05');
    expect(letter.text).toContain('Total: 24.10');
    expect(JSON.stringify(letter)).not.toContain('tok_');
  });

  it('tell who brings the parcel', () => {
    const letter = letterOfShipment(orderId, customer, { carrier: 'Royal Mail', trackingNumber: 'RM123' });
    expect(letter).toMatchObject({ kind: 'order_shipped', to: customer });
    expect(letter.text).toContain('Royal Mail has your parcel. Its tracking number is RM123.');
  });

  it.each(CancelReason.options)('tell why an order is cancelled: %s', (reason) => {
    const letter = letterOfCancellation({ orderId, customer, reason });
    expect(letter.kind).toBe('order_cancelled');
    expect(letter.text).toMatch(/cancel your order: \w.+\.\n/);
  });

  it('claim no refund that may still be to come', () => {
    const { text } = letterOfCancellation({ orderId, customer, reason: 'undeliverable' });
    expect(text).toContain('what you paid is being given back.');
  });
});
