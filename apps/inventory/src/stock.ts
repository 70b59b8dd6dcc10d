import type { DataOf, InventoryRejected, Line } from '#libs/contracts';

/** Pieces of one product. */
export interface Level {
  readonly sku: string;
  /** In the warehouse, those reserved included. */
  readonly onHand: number;
  /** Promised to orders that have not been shipped; never more than on hand. */
  readonly reserved: number;
}

/** How a reservation ended: its goods went back to the shelf, or left the house. */
export type Ending = 'released' | 'shipped';

export type Missing = DataOf<typeof InventoryRejected>['missing'];

export function availableOf({ onHand, reserved }: Level): number {
  return onHand - reserved;
}

/** One line per product, whatever else a line carries left out. */
export function goodsIn(lines: readonly Line[]): Line[] {
  const quantities = new Map<string, number>();
  for (const { sku, quantity } of lines) quantities.set(sku, (quantities.get(sku) ?? 0) + quantity);
  return [...quantities].map(([sku, quantity]) => ({ sku, quantity }));
}

/**
 * What is told of goods that could not be taken, given the levels read after that: too few of each, even where the shelves were filled meanwhile.
 * A product that has no level has none.
 */
export function missingOf(refused: readonly Line[], levels: readonly Level[]): Missing {
  const available = new Map(levels.map((level) => [level.sku, availableOf(level)]));
  return refused.map((line) => ({
    ...line,
    available: Math.min(available.get(line.sku) ?? 0, line.quantity - 1),
  }));
}
