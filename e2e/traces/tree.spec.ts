import { expect, it } from 'vitest';
import type { Span } from './span.js';
import { withoutRepeats, treeOf } from './tree.js';

const span = (spanId: string, name: string, service: string, parentSpanId?: string): Span => ({
  traceId: 'trace',
  spanId,
  ...(parentSpanId ? { parentSpanId } : {}),
  service,
  name,
  kind: 'internal',
  attributes: {},
  failed: false,
  exceptions: [],
});

it('draws a trace the same, whatever came first', () => {
  const spans = [
    span('1', 'create order.placed', 'order'),
    span('2', 'process order.placed', 'payment', '1'),
    span('3', 'process order.placed', 'inventory', '1'),
  ];
  const drawn = [
    'create order.placed · order',
    '  process order.placed · inventory',
    '  process order.placed · payment',
  ];
  expect(treeOf(spans)).toEqual(drawn);
  expect(treeOf(spans.toReversed())).toEqual(drawn);
});

it('draws what hangs below either of two facts below the usual one', () => {
  const spans = [
    span('1', 'process order.placed', 'payment'),
    span('2', 'process inventory.reserved', 'payment'),
    span('3', 'process payment.charge', 'payment', '1'),
  ];
  expect(treeOf(spans)).toEqual([
    'process inventory.reserved · payment',
    '  process payment.charge · payment',
    'process order.placed · payment',
  ]);
});

it('draws an orphan as a root', () => {
  expect(treeOf([span('1', 'POST /orders', 'order'), span('2', 'process order.placed', 'payment', 'lost')])).toEqual([
    'POST /orders · order',
    'process order.placed · payment',
  ]);
});

it('counts a message that was published twice once, by its confirmation where there is one', () => {
  const publish = (spanId: string, failed: boolean, id = 'm1'): Span => ({
    ...span(spanId, 'publish order.placed', 'order'),
    attributes: { 'messaging.message.id': id },
    failed,
  });
  const processed = span('9', 'process order.placed', 'payment');
  const ids = (spans: readonly Span[]) => withoutRepeats(spans).map(({ spanId }) => spanId);
  expect(ids([publish('1', true), publish('2', false), processed, publish('3', true, 'm2')])).toEqual(['2', '9', '3']);
  expect(ids([publish('2', false), publish('1', true)])).toEqual(['2']);
  expect(ids([publish('1', false), publish('2', false)])).toEqual(['1']);
});

it('counts a message that came twice to a service once', () => {
  const first = span('1', 'process order.placed', 'payment');
  const again = { ...span('2', 'process order.placed', 'payment'), attributes: { 'farandole.duplicate': true } };
  expect(withoutRepeats([again, first])).toEqual([first]);
});
