import { describe, expect, it } from 'vitest';
import { awaitedOf } from './awaited.js';
import type { Fact } from './order.js';

const facts = (seen: string): Fact[] =>
  seen.split(' ').map((type) => ({ type, service: type.split('.')[0]!, time: '2026-01-01T00:00:00.000Z' }));

describe('what an order waits for', () => {
  it.each([
    ['order.placed', 'inventory', 'inventory.reserved or inventory.rejected', 'order.placed'],
    ['order.placed inventory.reserved', 'payment', 'payment.charged or payment.declined', 'inventory.reserved'],
    ['order.placed notification.sent', 'inventory', 'inventory.reserved or inventory.rejected', 'order.placed'],
    ['order.placed payment.charged', 'shipping', 'shipment.created or shipment.rejected', 'payment.charged'],
    [
      'order.placed inventory.reserved payment.charged',
      'shipping',
      'shipment.created or shipment.rejected',
      'payment.charged',
    ],
    ['order.placed inventory.reserved payment.declined', 'inventory', 'inventory.released', 'payment.declined'],
    ['order.placed payment.charged shipment.rejected', 'payment', 'payment.refunded', 'shipment.rejected'],
    ['shipment.rejected inventory.released', 'payment', 'payment.refunded', 'shipment.rejected'],
    ['shipment.rejected payment.refunded', 'inventory', 'inventory.released', 'payment.refunded'],
  ])('%s: that %s states %s, after %s', (seen, service, events, after) => {
    expect(awaitedOf(facts(seen))).toEqual({ service, events: events.split(' or '), after });
  });

  it.each([
    'order.placed inventory.rejected',
    'order.placed shipment.created',
    'payment.declined inventory.released',
    'shipment.rejected payment.refunded inventory.released',
  ])('%s: nothing, it is settled', (seen) => {
    expect(awaitedOf(facts(seen))).toBeUndefined();
  });
});
