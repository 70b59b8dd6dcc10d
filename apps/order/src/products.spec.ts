import { describe, expect, it } from 'vitest';
import { price, products, totalOf, unknownIn } from './products.js';

describe('the catalogue', () => {
  it('has each sku once, and prices in whole cents', () => {
    expect(new Set(products.map(({ sku }) => sku)).size).toBe(products.length);
    expect(products.every(({ priceCents }) => Number.isSafeInteger(priceCents) && priceCents > 0)).toBe(true);
  });

  it('prices lines and adds them up', () => {
    const lines = price([
      { sku: 'mug-blue', quantity: 2 },
      { sku: 'pen-gel', quantity: 3 },
    ]);
    expect(lines.map(({ unitPriceCents }) => unitPriceCents)).toEqual([1_200, 290]);
    expect(totalOf(lines)).toBe(3_270);
  });

  it('tells which lines hold what is not sold', () => {
    const lines = [
      { sku: 'mug-blue', quantity: 1 },
      { sku: 'unicorn', quantity: 1 },
      { sku: 'toString', quantity: 1 },
    ];
    expect(unknownIn(lines)).toEqual([
      { at: 1, sku: 'unicorn' },
      { at: 2, sku: 'toString' },
    ]);
  });
});
