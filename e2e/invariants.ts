import { join } from 'node:path';
import { transportOf } from '#libs/service';
import { mailIn, violationsIn } from '../tools/invariants/index.js';
import { PATIENCE_MS } from './patience.js';
import type { StockView, World } from './world.js';

/** What was on the shelves before: goods are conserved from here on. */
export async function stockOf(world: World): Promise<ReadonlyMap<string, StockView>> {
  const all = await world.get<StockView[]>('inventory', '/stock');
  return new Map(all.map((one) => [one.sku, one]));
}

/**
 * What must hold of a world at rest, whatever happened on the way there; waits until it is at rest. Returns each violation as a
 * sentence. `before` is the stock before the first order.
 */
export function violations(world: World, before: ReadonlyMap<string, StockView>): Promise<string[]> {
  const { platform } = world;
  const { env } = platform.processes.find(({ plan }) => plan.app === 'order')!.plan;
  const system = {
    databaseUrl: platform.databaseUrl.bind(platform),
    providerUrl: platform.url('payment-provider'),
    openTransport: () => transportOf('invariants', env),
    sentMail: () => mailIn(join(platform.dataDir, 'mail')),
  };
  return violationsIn(system, { orderIds: world.placed, before, from: new Date(0), withinMs: PATIENCE_MS });
}
