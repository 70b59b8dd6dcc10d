import { ChargePayment, InventoryReserved, OrderPlaced, PaymentCharged, PaymentDeclined } from '#libs/contracts';
import { Does, On, Reactions } from '#libs/messaging';
import { describe, expect, it } from 'vitest';
import { drawingOf, faultsOf, partOf, topologyOf, type Part } from './index.js';

@Reactions({ service: 'order', states: [OrderPlaced] })
class OrderReactions {}

@Reactions({ service: 'inventory' })
class InventoryReactions {
  @On(OrderPlaced, { emits: [InventoryReserved] })
  reserve() {
    return [];
  }
}

@Reactions({ service: 'payment' })
class PaymentReactions {
  @On(OrderPlaced)
  remember() {}

  @On(InventoryReserved, { emits: [ChargePayment] })
  stockIsReserved() {
    return [];
  }

  @Does(ChargePayment, { emits: [PaymentCharged, PaymentDeclined] })
  charge() {
    return () => [];
  }

  unmarked() {}
}

const [order, inventory, payment] = [OrderReactions, InventoryReactions, PaymentReactions].map(partOf) as [
  Part,
  Part,
  Part,
];
const parts = [order, inventory, payment];

describe('partOf', () => {
  it('reads what a class reacts to and what it may state', () => {
    expect(payment).toEqual({
      service: 'payment',
      states: [],
      reactions: [
        { method: 'remember', reactsTo: OrderPlaced, emits: [] },
        { method: 'stockIsReserved', reactsTo: InventoryReserved, emits: [ChargePayment] },
        { method: 'charge', reactsTo: ChargePayment, emits: [PaymentCharged, PaymentDeclined] },
      ],
    });
  });

  it('refuses a class that is not marked', () => {
    expect(() => partOf(class Plain {})).toThrow('Plain is not marked by @Reactions');
  });
});

describe('topologyOf', () => {
  it('lists the events of each service and no command', () => {
    expect(topologyOf(parts)).toEqual([
      { service: 'order', sources: [] },
      { service: 'inventory', sources: [{ topic: 'order.events', type: 'order.placed' }] },
      {
        service: 'payment',
        sources: [
          { topic: 'order.events', type: 'order.placed' },
          { topic: 'inventory.events', type: 'inventory.reserved' },
        ],
      },
    ]);
  });
});

describe('faultsOf', () => {
  const reaction = (reactsTo: (typeof payment.reactions)[number]['reactsTo'], method = 'does') => ({
    reactsTo,
    emits: [],
    method,
  });

  it('finds none where all fits', () => {
    expect(faultsOf(parts)).toEqual([]);
  });

  it('names an event that nobody states', () => {
    expect(faultsOf([order, payment])).toEqual([
      'payment.stockIsReserved reacts to inventory.reserved, which nobody states',
    ]);
  });

  it('names an event that one service reacts to twice', () => {
    const twice: Part = { ...inventory, reactions: [...inventory.reactions, reaction(OrderPlaced, 'again')] };
    expect(faultsOf([order, twice, payment])).toEqual([
      'inventory reacts 2 times to event:order.placed (reserve, again): merge them',
    ]);
  });

  it("names an event that is stated in another's name", () => {
    expect(faultsOf([...parts, { service: 'shipping', states: [OrderPlaced], reactions: [] }])).toEqual([
      'shipping states order.placed, which belongs to order',
    ]);
  });

  it('names commands given and not done, and done but never given', () => {
    const [, given, done] = payment.reactions;
    expect(faultsOf([order, inventory, { ...payment, reactions: [given!] }])).toEqual([
      'payment gives itself payment.charge and does not do it',
    ]);
    expect(faultsOf([order, inventory, { ...payment, reactions: [done!] }])).toEqual([
      'payment does payment.charge and never gives it to itself',
    ]);
  });

  it('names a service with two classes', () => {
    expect(faultsOf([...parts, { service: 'order', states: [], reactions: [] }])).toEqual([
      'two classes are marked as the reactions of order: merge them',
    ]);
  });
});

describe('drawingOf', () => {
  const drawing = drawingOf(parts);

  it('draws from event through reaction to event, and commands by another shape', () => {
    for (const line of [
      'OrderPlaced(["OrderPlaced"])',
      'ChargePayment[/"ChargePayment"/]',
      'order_0 --> OrderPlaced',
      'OrderPlaced --> inventory_1',
      'inventory_1 --> InventoryReserved',
      'payment_3 --> PaymentDeclined',
    ]) {
      expect(drawing).toContain(`  ${line}\n`);
    }
  });

  it('has a row for each reaction, and for what is stated on a request', () => {
    expect(drawing).toContain('| order | a request | – | OrderPlaced |');
    expect(drawing).toContain('| payment | OrderPlaced | `remember` | – |');
    expect(drawing).toContain('| payment | ChargePayment (command) | `charge` | PaymentCharged or PaymentDeclined |');
  });
});
