import type { z } from 'zod';
import type { Line, PricedLine } from '#libs/contracts';

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly priceCents: number;
}

/** All that is sold. */
export const products: readonly Product[] = [
  { sku: 'mug-blue', name: 'Mug, blue', priceCents: 1_200 },
  { sku: 'mug-red', name: 'Mug, red', priceCents: 1_200 },
  { sku: 'mug-white', name: 'Mug, white', priceCents: 1_100 },
  { sku: 'tee-black-m', name: 'T-shirt, black, M', priceCents: 2_400 },
  { sku: 'tee-white-m', name: 'T-shirt, white, M', priceCents: 2_400 },
  { sku: 'poster-farandole', name: 'Poster "La Farandole", 50 × 70 cm', priceCents: 3_500 },
  { sku: 'notebook-dotted', name: 'Notebook, dotted, A5', priceCents: 1_450 },
  { sku: 'pen-gel', name: 'Gel pen, black', priceCents: 290 },
  { sku: 'cap-navy', name: 'Cap, navy', priceCents: 1_900 },
  { sku: 'tote-canvas', name: 'Tote bag, canvas', priceCents: 1_600 },
  { sku: 'sticker-pack', name: 'Stickers, pack of ten', priceCents: 450 },
  { sku: 'umbrella-black', name: 'Umbrella, black', priceCents: 2_950 },
  { sku: 'last-one', name: 'The last one', priceCents: 9_900 },
  { sku: 'sold-out', name: 'Sold out', priceCents: 4_900 },
];

const prices = new Map(products.map(({ sku, priceCents }) => [sku, priceCents]));

type Priced = z.output<typeof PricedLine>;

/** The lines whose product is not sold, each with its place. */
export function unknownIn(lines: readonly Line[]): { at: number; sku: string }[] {
  return lines.flatMap(({ sku }, at) => (prices.has(sku) ? [] : [{ at, sku }]));
}

/** Expects products that are sold. */
export function price(lines: readonly Line[]): Priced[] {
  return lines.map((line) => ({ ...line, unitPriceCents: prices.get(line.sku)! }));
}

export function totalOf(lines: readonly Priced[]): number {
  return lines.reduce((sum, { quantity, unitPriceCents }) => sum + quantity * unitPriceCents, 0);
}
