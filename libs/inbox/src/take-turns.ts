import type { EntityManager } from 'typeorm';
import { isDatabaseDown } from './database-errors.js';

interface Turns<Item> {
  readonly tx: EntityManager;
  /** Items of one key keep their order. */
  readonly keyOf: (item: Item) => string;
  /** Whether `work` touches nothing but what belongs to the item's key. */
  readonly perKey: boolean;
}

/**
 * Runs `work` for each item in one transaction: one after the other, or, where that makes no difference to them, those of different keys in turns, so that their
 * statements share the way to the database and back. Settles once all have ended; rejects if any did, or asked for a savepoint among others, also where that refusal was caught.
 */
export async function takeTurns<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
  { tx, keyOf, perKey }: Turns<Item>,
): Promise<void> {
  const lanes = perKey ? [...Map.groupBy(items, keyOf).values()] : [items];
  let refused: Error | undefined;
  // A savepoint of one would be rolled back with what the others did since. Alone in a transaction it may have some.
  if (lanes.length > 1)
    tx.transaction = () => Promise.reject((refused = new Error('a transaction within one that is shared')));
  const ended = await Promise.allSettled(
    lanes.map(async (lane) => {
      for (const item of lane) await work(item);
    }),
  );
  const errors = ended.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
  if (refused) errors.push(refused);
  if (errors.length > 0) throw errors.find(isDatabaseDown) ?? errors[0];
}
