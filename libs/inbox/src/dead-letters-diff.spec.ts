import { expect, it } from 'vitest';
import { changesBetween } from './dead-letters-diff.js';

it('names each place that differs, and nothing else', () => {
  const before = { orderId: 'a', lines: [{ sku: 'mug', quantity: 0 }], note: 'x', 'a/b': 1 };
  const after = { orderId: 'a', lines: [{ sku: 'mug', quantity: 2 }, { sku: 'tee' }], 'a/b': null };
  expect(changesBetween(before, after)).toEqual([
    { path: '/lines/0/quantity', before: 0, after: 2 },
    { path: '/lines/1', after: { sku: 'tee' } },
    { path: '/note', before: 'x' },
    { path: '/a~1b', before: 1, after: null },
  ]);
});

it('replaces the whole where the kinds differ', () => {
  expect(changesBetween('no JSON', { orderId: 'a' })).toEqual([
    { path: '', before: 'no JSON', after: { orderId: 'a' } },
  ]);
  expect(changesBetween([1], { 0: 1 })).toHaveLength(1);
  expect(changesBetween({ a: [1] }, { a: [1] })).toEqual([]);
});
