import { InventoryModule } from '../../apps/inventory/src/inventory.module.js';
import { startForTest } from '#libs/service/testing';
import { withPostgres } from '../database.js';
import { skus } from '../load/client.js';
import { orderPlaced } from '../load/orders.js';
import type { Options } from '../options.js';
import { type Estimate, estimate } from '../statistics.js';
import { say } from './run.js';

export interface InboxFound {
  /** Messages per second through claim, reaction and outbox insert, by how many share a transaction. */
  readonly perSecond: Readonly<Record<number, Estimate>>;
}

const BATCHES = [1, 10, 100];

/** The inventory service's inbox with OrderPlaced, one batch at a time, as one lane hands them over, and without waiting for company, which would be what is measured. */
export async function inbox(options: Pick<Options, 'repetitions' | 'seconds'>): Promise<InboxFound> {
  return withPostgres(async (createDatabase, start) => {
    const url = await createDatabase('inventory');
    const service = await start(
      () => startForTest(InventoryModule, { url, variables: { BATCH_COMPANY_MS: '0' } }),
      (started) => started.close(),
    );
    let next = 0;
    const batchOf = (size: number) => Array.from({ length: size }, () => orderPlaced(skus[next++ % skus.length]));
    const run = async (size: number) => {
      const prepared = Array.from({ length: Math.ceil((options.seconds * 300) / Math.sqrt(size)) }, () =>
        batchOf(size),
      );
      const began = performance.now();
      for (const batch of prepared) await service.deliver(batch);
      const perSecond = (prepared.length * size * 1000) / (performance.now() - began);
      await service.query('truncate outbox');
      return perSecond;
    };
    for (const size of [100, 100, ...BATCHES]) await run(size);
    const found = new Map<number, number[]>(BATCHES.map((size) => [size, []]));
    for (let n = 0; n < options.repetitions; n++) {
      for (const size of BATCHES) found.get(size)!.push(await run(size));
      say(`  ${n + 1}: ${BATCHES.map((size) => `${found.get(size)!.at(-1)!.toFixed(0)}/s by ${size}`).join(', ')}`);
    }
    return { perSecond: Object.fromEntries([...found].map(([size, all]) => [size, estimate(all)])) };
  });
}
