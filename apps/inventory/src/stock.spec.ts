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

  it('tells of each product that was refused how much of it there is', () => {
    const refused = [
      { sku: 'mug-blue', quantity: 4 },
      { sku: 'unicorn', quantity: 1 },
    ];
    expect(missingOf(refused, levels)).toEqual([
      { sku: 'mug-blue', quantity: 4, available: 3 },
      { sku: 'unicorn', quantity: 1, available: 0 },
    ]);
  });

  it('tells of too little of a product that came back while its order was refused', () => {
    expect(missingOf([{ sku: 'pen-gel', quantity: 5 }], levels)).toEqual([
      { sku: 'pen-gel', quantity: 5, available: 4 },
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
