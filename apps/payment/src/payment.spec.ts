import { describe, expect, it } from 'vitest';
import { statusOf, type Facts } from './payment.js';

describe('the status of a payment', () => {
  const nothing: Facts = { stockReserved: false, undeliverable: false, chargeAsked: false };
  const charged: Facts = {
    amountCents: 2_400,
    stockReserved: true,
    undeliverable: false,
    chargeAsked: true,
    chargeId: 'ch_1',
  };

  it.each<[string, Facts]>([
    ['waiting', { ...nothing, amountCents: 2_400 }],
    ['waiting', { ...nothing, stockReserved: true }],
    ['charging', { ...nothing, chargeAsked: true }],
    ['charging', { ...nothing, chargeAsked: true, undeliverable: true }],
    ['charged', charged],
    ['declined', { ...charged, chargeId: undefined!, declineCode: 'declined' }],
    ['refunding', { ...charged, undeliverable: true }],
    ['refunded', { ...charged, undeliverable: true, refundId: 're_1' }],
  ])('is %s', (status, facts) => {
    expect(statusOf(facts)).toBe(status);
  });
});
