import { describe, expect, it } from 'vitest';
import { hasEnded, statusOf, withFact, type Fact } from './order.js';

const fact = (type: string, detail?: string): Fact => ({
  type,
  service: type.split('.')[0]!,
  time: '2026-01-01T00:00:00.000Z',
  ...(detail ? { detail } : {}),
});
const facts = (...types: string[]) => types.map((type) => fact(type));

describe('the status of an order', () => {
  it.each([
    ['placed', 'order.placed'],
    ['reserved', 'order.placed inventory.reserved'],
    ['paid', 'order.placed inventory.reserved payment.charged'],
    ['paid', 'order.placed payment.charged'],
    ['completed', 'order.placed inventory.reserved payment.charged shipment.created'],
    ['completed', 'shipment.created order.placed'],
    ['cancelled', 'order.placed inventory.rejected'],
    ['cancelled', 'payment.declined order.placed inventory.reserved'],
    ['cancelled', 'shipment.rejected order.placed payment.charged'],
  ])('is %s after %s', (status, seen) => {
    expect(statusOf(facts(...seen.split(' '))).status).toBe(status);
  });

  it.each([
    ['out_of_stock', 'inventory.rejected'],
    ['payment_declined', 'payment.declined'],
    ['undeliverable', 'shipment.rejected'],
  ])('is cancelled for the reason %s after %s', (reason, type) => {
    expect(statusOf(facts('order.placed', type)).reason).toBe(reason);
  });

  it('ends with completed and cancelled', () => {
    expect(hasEnded(statusOf(facts('payment.charged')))).toBe(false);
    expect(hasEnded(statusOf(facts('shipment.created')))).toBe(true);
    expect(hasEnded(statusOf(facts('inventory.rejected')))).toBe(true);
  });
});

describe('an order is settled', () => {
  it.each([
    [false, 'order.placed'],
    [false, 'inventory.reserved payment.charged'],
    [true, 'shipment.created'],
    [true, 'inventory.rejected'],
    [false, 'payment.declined'],
    [true, 'payment.declined inventory.released'],
    [true, 'inventory.released payment.declined'],
    [false, 'shipment.rejected'],
    [false, 'shipment.rejected inventory.released'],
    [false, 'shipment.rejected payment.refunded'],
    [true, 'shipment.rejected payment.refunded inventory.released'],
    [false, 'payment.refunded inventory.released'],
  ])('%s: %s', (settled, seen) => {
    expect(statusOf(facts(...seen.split(' '))).settled).toBe(settled);
  });
});

describe('the history of an order', () => {
  it('puts a fact where it belongs in the story, whenever it came', () => {
    const story = ['order.placed', 'inventory.reserved', 'payment.charged', 'shipment.created', 'order.completed'];
    const told = story.toReversed().reduce<readonly Fact[]>((known, type) => withFact(known, fact(type))!, []);
    expect(told.map(({ type }) => type)).toEqual(story);
  });

  it('takes a fact once, and each kind of letter', () => {
    const known = [
      fact('order.placed'),
      fact('notification.sent', 'order_placed'),
      fact('payment.declined', 'declined'),
    ];
    expect(withFact(known, fact('payment.declined', 'another code'))).toBeUndefined();
    expect(withFact(known, fact('notification.sent', 'order_placed'))).toBeUndefined();
    expect(withFact(known, fact('notification.sent', 'order_cancelled'))?.at(-1)?.detail).toBe('order_cancelled');
  });

  it('keeps what no story tells of at the end', () => {
    const known = withFact([fact('order.completed')], fact('parcel.lost'))!;
    expect(withFact(known, fact('order.placed'))?.map(({ type }) => type)).toEqual([
      'order.placed',
      'order.completed',
      'parcel.lost',
    ]);
  });
});
