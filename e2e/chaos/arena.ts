import { startProxy, type Network, type Proxy } from '#libs/messaging/testing';
import { services } from '../../tools/platform/apps.js';
import { freePort } from '../../tools/processes/index.js';
import { FailPoints } from '../fail-points.js';
import { stockOf } from '../invariants.js';
import type { Store } from '../stores.js';
import { allApps, World, type StockView } from '../world.js';
import type { LinkName } from './scenario.js';

/** As impatient as an operator would not make them, so that what was broken is whole again within seconds; and no message may run out of attempts. */
const IMPATIENT = { RETRY_CAP_MS: '5000', RETRY_ATTEMPTS: '40', BREAKER_MAX_OPEN_MS: '5000' };

/** Of this there is little: more is asked for than is there. */
export const SCARCE = { sku: 'mug-red', onHand: 15 } as const;

export interface ArenaOptions {
  /** Of each service. */
  readonly replicas?: number;
  /** Aborted, the start ends with `Interrupted`, and nothing is left running. */
  readonly signal?: AbortSignal;
}

/** The whole system with a way to everything in it that can be broken. */
export class Arena {
  private constructor(
    readonly world: World,
    readonly store: Store,
    readonly replicas: number,
    readonly failPoints: FailPoints,
    readonly links: ReadonlyMap<LinkName, Network>,
    /** On the shelves before the first order, and what was put there since: goods are conserved. */
    readonly goods: Map<string, StockView>,
    private readonly proxies: readonly Proxy[],
  ) {}

  /** Each service reaches its database through a proxy of its own, and the broker through one for all. */
  static async start(startStore: () => Promise<Store>, { replicas = 2, signal }: ArenaOptions = {}): Promise<Arena> {
    const store = await startStore();
    const failPoints = await FailPoints.create();
    const port = await freePort();
    const proxies = new Map<string, Proxy>();
    for (const database of [...services, 'log']) proxies.set(database, await startProxy(port));
    const url = (database: string) => `postgres://postgres@127.0.0.1:${proxies.get(database)!.port}/${database}`;
    try {
      const world = await World.start(store, {
        postgresPort: port,
        // PostgreSQL is killed: no page may be torn then
        durable: true,
        ...(signal ? { signal } : {}),
        replicas: new Map(services.map((service) => [service, replicas])),
        apps: {
          ...allApps(),
          ...Object.fromEntries(services.map((one) => [one, { env: { DATABASE_URL: url(one) } }])),
        },
        env: { ...IMPATIENT, ...failPoints.env, LOG_DATABASE_URL: url('log') },
      });
      const links = new Map<LinkName, Network>(services.map((service) => [service, proxies.get(service)!]));
      links.set('broker', store.network ?? proxies.get('log')!);
      return new Arena(world, store, replicas, failPoints, links, new Map(await stockOf(world)), [...proxies.values()]);
    } catch (error) {
      for (const proxy of proxies.values()) await proxy.close();
      await failPoints.remove();
      await store.stop();
      throw error;
    }
  }

  /** Fills the shelf of what is scarce. While an order is under way, what is put there could not be told from what is sold. */
  async restock(): Promise<void> {
    const { sku, onHand } = SCARCE;
    const [was, now] = [this.goods.get(sku)!, await this.world.stock(sku)];
    await this.world.setStock(sku, onHand);
    this.goods.set(sku, { ...was, onHand: was.onHand + onHand - now.onHand });
  }

  /** The data and logs are kept where a round failed. */
  async stop(keep: boolean): Promise<void> {
    await this.world.stop(keep);
    await this.failPoints.remove();
    for (const proxy of this.proxies) await proxy.close();
    await this.store.stop();
  }
}
