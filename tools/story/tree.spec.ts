import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { lines } from './print.js';
import { type Fact, growTree, type Handling, type Told } from './tree.js';

const fact = (type: string, service: string, id?: string, causationId?: string, more: Partial<Fact> = {}): Fact => ({
  type,
  service,
  time: '2026-01-01T00:00:00.000Z',
  ...(id ? { id } : {}),
  ...(causationId ? { causationId } : {}),
  ...more,
});

const handling = (service: string, type: string, id: string, causationId?: string, more: Partial<Handling> = {}) => ({
  service,
  type,
  id,
  causationId: causationId ?? null,
  attempts: 1,
  duplicates: 0,
  ...more,
});

/** `type` of a leaf, `[type, …]` of a message that others follow from. */
const shape = (told: Told): unknown =>
  told.followedBy.length > 0 ? [told.type, ...told.followedBy.map(shape)] : told.type;

describe('growTree', () => {
  it('hangs each message below the one it follows from, through commands that only their service knows', () => {
    const history = [
      fact('order.placed', 'order'),
      fact('inventory.reserved', 'inventory', 'reserved', 'placed'),
      fact('payment.charged', 'payment', 'charged', 'charge'),
    ];
    const handlings = [
      handling('inventory', 'order.placed', 'placed'),
      handling('payment', 'order.placed', 'placed'),
      handling('order', 'inventory.reserved', 'reserved', 'placed'),
      handling('payment', 'payment.charge', 'charge', 'reserved', { attempts: 3 }),
      handling('order', 'payment.charged', 'charged', 'charge', { duplicates: 1 }),
    ];
    const [placed, ...others] = growTree(history, handlings);
    expect(others).toEqual([]);
    expect(shape(placed!)).toEqual(['order.placed', ['inventory.reserved', ['payment.charge', 'payment.charged']]]);
    expect(placed).toMatchObject({ service: 'order', handledBy: [{ service: 'inventory' }, { service: 'payment' }] });
    const charge = placed!.followedBy[0]!.followedBy[0]!;
    expect(charge).toMatchObject({ kind: 'command', service: 'payment', handledBy: [{ attempts: 3 }] });
    expect(charge.followedBy[0]).toMatchObject({ kind: 'event', handledBy: [{ service: 'order', duplicates: 1 }] });
  });

  it('shows where a message waits, and where it became a dead letter', () => {
    const [placed] = growTree(
      [fact('order.placed', 'order')],
      [
        handling('inventory', 'order.placed', 'placed', undefined, { waiting: true }),
        handling('payment', 'payment.charge', 'charge', 'placed', {
          deadLetter: { id: '7', reason: 'out_of_attempts' },
        }),
      ],
    );
    expect(placed).toMatchObject({
      handledBy: [{ service: 'inventory', waiting: true }],
      followedBy: [{ kind: 'command', handledBy: [{ service: 'payment', deadLetter: { id: '7' } }] }],
    });
    const order = { orderId: 'o', status: 'placed', settled: false, placedAt: '', links: {}, history: [] };
    const told = stripVTControlCharacters(lines(order, [placed!]).join('\n'));
    expect(told).toMatch(/order\.placed .*→ inventory \(waits, 1 attempt\)/);
    expect(told).toMatch(/payment\.charge .*payment +dead letter 7: out_of_attempts/);
  });

  it('believes causes and never clocks', () => {
    const history = [
      fact('order.placed', 'order', undefined, undefined, { time: '2026-01-01T00:00:09.000Z' }),
      fact('inventory.reserved', 'inventory', 'reserved', 'placed', { time: '1999-01-01T00:00:00.000Z' }),
    ];
    const roots = growTree(history, [handling('inventory', 'order.placed', 'placed')]);
    expect(roots.map(shape)).toEqual([['order.placed', 'inventory.reserved']]);
  });

  it('orders what one service stated by sequence', () => {
    const history = [
      fact('order.placed', 'order', 'placed'),
      fact('notification.sent', 'notification', 'second', 'placed', { sequence: 12, detail: 'second' }),
      fact('notification.sent', 'notification', 'first', 'placed', { sequence: 7, detail: 'first' }),
    ];
    const [placed] = growTree(history, []);
    expect(placed!.followedBy.map(({ detail }) => detail)).toEqual(['first', 'second']);
  });

  it('hangs the end of the order, whose id nobody keeps, below what ended it', () => {
    const history = [
      fact('order.placed', 'order', 'placed'),
      fact('shipment.created', 'shipping', 'created', 'placed'),
      fact('order.completed', 'order', undefined, 'created'),
    ];
    expect(growTree(history, []).map(shape)).toEqual([['order.placed', ['shipment.created', 'order.completed']]]);
  });

  it('marks what undoes something', () => {
    const history = [
      fact('shipment.rejected', 'shipping', 'rejected'),
      fact('payment.refunded', 'payment', 'refunded', 'refund'),
      fact('inventory.released', 'inventory', 'released', 'refunded'),
    ];
    const [rejected] = growTree(history, [handling('payment', 'payment.refund', 'refund', 'rejected')]);
    const undone: [string, boolean][] = [];
    const walk = (told: Told) => {
      undone.push([told.type, told.compensates]);
      told.followedBy.forEach(walk);
    };
    walk(rejected!);
    expect(undone).toEqual([
      ['shipment.rejected', false],
      ['payment.refund', true],
      ['payment.refunded', true],
      ['inventory.released', true],
    ]);
  });

  it('shows what follows from a message that nobody remembers as a root of its own', () => {
    const history = [fact('order.placed', 'order'), fact('payment.charged', 'payment', 'charged', 'forgotten')];
    expect(growTree(history, []).map(shape)).toEqual(['order.placed', 'payment.charged']);
  });
});
