import { describe, expect, it } from 'vitest';
import { availableOf, goodsIn, missingOf } from './stock.js';

describe('stock', () => {
  const levels = [
    { sku: 'mug-blue', onHand: 10, reserved: 7 },
    { sku: 'pen-gel', onHand: 5, reserved: 0 },
  ];

  it('has available what is on hand and not reserved', () => {
    expect(levels.map(availableOf)).toEqual([3, 5]);
  });

  it('misses nothing when there is just enough of each', () => {
    const goods = [
      { sku: 'mug-blue', quantity: 3 },
      { sku: 'pen-gel', quantity: 5 },
    ];
    expect(missingOf(goods, levels)).toEqual([]);
  });

  it('names each product of which there is too little, and how much of it there is', () => {
    const goods = [
      { sku: 'mug-blue', quantity: 4 },
      { sku: 'pen-gel', quantity: 5 },
      { sku: 'unicorn', quantity: 1 },
    ];
    expect(missingOf(goods, levels)).toEqual([
      { sku: 'mug-blue', quantity: 4, available: 3 },
      { sku: 'unicorn', quantity: 1, available: 0 },
    ]);
  });

  it('adds lines of the same product up', () => {
    const lines = [
      { sku: 'mug-blue', quantity: 1, unitPriceCents: 1_200 },
      { sku: 'pen-gel', quantity: 2, unitPriceCents: 300 },
      { sku: 'mug-blue', quantity: 3, unitPriceCents: 1_200 },
    ];
    expect(goodsIn(lines)).toEqual([
      { sku: 'mug-blue', quantity: 4 },
      { sku: 'pen-gel', quantity: 2 },
    ]);
  });
});
