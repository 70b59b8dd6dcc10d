import { products } from '../../apps/order/src/products.js';
import { bodyOf } from '../../e2e/world.js';
import { Orders } from '../../tools/order-cli/orders.js';
import { Watch } from './watch.js';

/** An order from the request on, in milliseconds of `performance.now()`. */
export interface Timed {
  readonly orderId: string;
  readonly sentAt: number;
  readonly acceptedAt: number;
  readonly settledAt: number;
}

/** Products of which there is enough for every order. */
export const skus = products.map(({ sku }) => sku).filter((sku) => sku !== 'last-one' && sku !== 'sold-out');

/** Where orders are placed, and where they can be seen to be settled. */
export interface Target {
  readonly orderUrl: string;
  readonly orderDatabase: string;
  /** Told of each order. */
  readonly placed: (orderId: string) => void;
}

/** Places orders of one piece of one product each, all of which end completed, and waits for their end. */
export class LoadClient {
  /** Orders sent so far. */
  count = 0;

  private constructor(
    private readonly placed: Target['placed'],
    private readonly orders: Orders,
    readonly watch: Watch,
  ) {}

  static async start({ orderUrl, orderDatabase, placed }: Target): Promise<LoadClient> {
    return new LoadClient(placed, new Orders(orderUrl, 30_000), await Watch.start(orderDatabase));
  }

  /** Resolves once the order is settled. */
  async run(): Promise<Timed> {
    const sku = skus[this.count++ % skus.length]!;
    const sentAt = performance.now();
    const { orderId } = await this.orders.place(bodyOf({ sku }));
    const acceptedAt = performance.now();
    this.placed(orderId);
    return { orderId, sentAt, acceptedAt, settledAt: await this.watch.settled(orderId) };
  }

  async stop(): Promise<void> {
    this.orders.close();
    await this.watch.stop();
  }
}
