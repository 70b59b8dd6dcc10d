import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { services } from '../tools/platform/apps.js';
import { Interrupted, startPlatform, type Platform, type PlatformOptions } from '../tools/platform/index.js';
import { PATIENCE_MS } from './patience.js';
import type { Store } from './stores.js';

export interface OrderRequest {
  readonly sku?: string;
  readonly quantity?: number;
  readonly country?: string;
  readonly city?: string;
  readonly token?: string;
  readonly idempotencyKey?: string;
}

export interface OrderView {
  readonly orderId: string;
  readonly status: 'placed' | 'reserved' | 'paid' | 'completed' | 'cancelled';
  readonly reason?: string;
  readonly settled: boolean;
  readonly totalCents: number;
  readonly history: readonly { readonly type: string; readonly service: string; readonly time: string }[];
}

export interface StockView {
  readonly sku: string;
  readonly onHand: number;
  readonly reserved: number;
  readonly available: number;
}

/** The whole system as separate processes on a store, as a test talks to it. */
export class World {
  /** Every order placed through this world. */
  readonly placed: string[] = [];

  private constructor(
    readonly platform: Platform,
    readonly store: Store,
    private readonly folder: string,
  ) {}

  /**
   * With the `dataDir` of an earlier world, goes on where that one stopped. Where the start fails, the data and logs of a new one stay,
   * and their folder is told; interrupted, it leaves nothing.
   */
  static async start(store: Store, options: Partial<PlatformOptions> = {}): Promise<World> {
    const folder = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'farandole-e2e-')));
    const platform = await startPlatform({
      dataDir: folder,
      port: 0,
      postgresPort: 0,
      durable: false,
      ...options,
      env: { LOG_LEVEL: 'info', ...store.env, ...options.env },
    }).catch(async (error: unknown) => {
      if (!options.dataDir) await keepOrRemove(folder, !(error instanceof Interrupted));
      throw error;
    });
    return new World(platform, store, folder);
  }

  /** Stops all and starts it again on the same data, told something else. */
  async goOn(store: Store, env: Readonly<Record<string, string>> = {}): Promise<World> {
    await this.platform.stop();
    const next = await World.start(store, { dataDir: this.folder, env });
    next.placed.push(...this.placed);
    return next;
  }

  /** Stops all. With `keep` the data stays, and its folder is told: for when a test failed. */
  async stop(keep: boolean): Promise<void> {
    await this.platform.stop();
    await keepOrRemove(this.folder, keep);
  }

  /** Places an order; a service that is away for a moment is asked again with the same key, as a client would. */
  async place(request: OrderRequest = {}): Promise<string> {
    const key = request.idempotencyKey ?? crypto.randomUUID();
    const response = await this.patiently(() =>
      fetch(`${this.platform.url('order')}/orders`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(bodyOf(request)),
      }),
    );
    if (response.status !== 202) throw new Error(`POST /orders: ${response.status} ${await response.text()}`);
    const { orderId } = (await response.json()) as OrderView;
    if (!this.placed.includes(orderId)) this.placed.push(orderId);
    return orderId;
  }

  /** Places `count` orders, `concurrency` at a time. */
  async placeMany(count: number, request: (n: number) => OrderRequest, concurrency = 20): Promise<string[]> {
    const ids: string[] = [];
    let next = 0;
    const client = async () => {
      while (next < count) ids.push(await this.place(request(next++)));
    };
    await Promise.all(Array.from({ length: concurrency }, client));
    return ids;
  }

  order(orderId: string): Promise<OrderView> {
    return this.get<OrderView>('order', `/orders/${orderId}`);
  }

  stock(sku: string): Promise<StockView> {
    return this.get<StockView>('inventory', `/stock/${sku}`);
  }

  async setStock(sku: string, onHand: number): Promise<void> {
    const response = await fetch(`${this.platform.url('inventory')}/stock/${sku}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ onHand }),
    });
    if (!response.ok) throw new Error(`PUT /stock/${sku}: ${response.status} ${await response.text()}`);
  }

  /** Resolves with the order once it is as wanted. */
  async until(orderId: string, wanted: 'settled' | OrderView['status'], withinMs = PATIENCE_MS): Promise<OrderView> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const order = await this.order(orderId);
      if (wanted === 'settled' ? order.settled : order.status === wanted) return order;
      if (Date.now() > deadline) throw new Error(`order not ${wanted} within ${withinMs} ms: ${JSON.stringify(order)}`);
      await pause(50);
    }
  }

  async untilAllSettled(orderIds: readonly string[] = this.placed): Promise<OrderView[]> {
    const orders: OrderView[] = [];
    for (const orderId of orderIds) orders.push(await this.until(orderId, 'settled'));
    return orders;
  }

  /** With a token for what lies under /ops. */
  async get<T>(app: Parameters<Platform['url']>[0], path: string, token?: string): Promise<T> {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const response = await this.patiently(() => fetch(this.platform.url(app) + path, { headers }));
    if (!response.ok) throw new Error(`GET ${path} of ${app}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** A killed service comes back within seconds: connection errors and 503 are tried again. */
  private async patiently(request: () => Promise<Response>): Promise<Response> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      try {
        const response = await request();
        if (response.status !== 503 || Date.now() > deadline) return response;
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
      await pause(100);
    }
  }
}

async function keepOrRemove(folder: string, keep: boolean): Promise<void> {
  if (keep) process.stderr.write(`the data and logs of the failed run are in ${folder}\n`);
  else await rm(folder, { recursive: true, force: true });
}

export function bodyOf({
  sku = 'mug-blue',
  quantity = 1,
  country = 'GB',
  city = 'London',
  token = 'tok_visa',
}: OrderRequest) {
  return {
    customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
    lines: [{ sku, quantity }],
    shippingAddress: { street: '1 Main St', city, postalCode: 'N1', country },
    paymentToken: token,
  };
}

/** Every app as it is, for a test to say otherwise of one. */
export function allApps() {
  return Object.fromEntries([...services, 'payment-provider' as const].map((app) => [app, {}]));
}
