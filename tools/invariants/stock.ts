import type { Databases } from './databases.js';
import type { Level } from './system.js';

/** All that is left of an order is gone or back on the shelf; with what was there `before` the first order, nothing was lost or made. */
export async function stockViolations(databases: Databases, before?: ReadonlyMap<string, Level>): Promise<string[]> {
  const levels = await databases.query<Level>(
    'inventory',
    'select sku, on_hand as "onHand", reserved from stock order by sku',
  );
  const shipped = await databases.query<{ sku: string; quantity: number }>(
    'order',
    `select line->>'sku' as sku, sum((line->>'quantity')::int)::int as quantity
     from orders, jsonb_array_elements(lines) line where status = 'completed' group by 1`,
  );
  const gone = new Map(shipped.map(({ sku, quantity }) => [sku, quantity]));
  return levels.flatMap(({ sku, onHand, reserved }) => {
    const was = before && (before.get(sku)?.onHand ?? 0);
    const left = gone.get(sku) ?? 0;
    return [
      ...(reserved === 0 ? [] : [`${sku}: ${reserved} still reserved`]),
      ...(was === undefined || onHand + left === was
        ? []
        : [`${sku}: ${onHand} on hand and ${left} shipped, of ${was}`]),
    ];
  });
}
