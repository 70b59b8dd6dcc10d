import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

const SHORTEST_REST_MS = 1;
/** With many orders under way the watch rests this many times as long as its look took: it costs a few hundredths of one CPU. */
const REST = 20;
const MANY = 10;

/**
 * Notices when orders are settled: one query every millisecond or so asks the order service's database for all orders under way. An order's
 * own `settled_at` is the time at which the transaction that settled it began, so it tells of an end that nobody could see yet.
 */
export class Watch {
  /** Marks its statements in pg_stat_statements. */
  static readonly mark = '/* bench */';
  /** Statements sent so far. */
  looks = 0;
  private readonly open = new Map<string, PromiseWithResolvers<number>>();
  private looking: Promise<void> | undefined;

  private constructor(
    private readonly client: Client,
    readonly backend: number,
  ) {}

  static async start(orderDatabase: string): Promise<Watch> {
    const client = new Client({ connectionString: orderDatabase, application_name: 'bench' });
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    return new Watch(client, rows[0]!.pid);
  }

  /** How many are under way. */
  get size(): number {
    return this.open.size;
  }

  /** Resolves with the time (`performance.now()`) at which the order was seen to be settled: late by one look at most. */
  settled(orderId: string): Promise<number> {
    const settled = Promise.withResolvers<number>();
    this.open.set(orderId, settled);
    this.looking ??= this.look()
      .catch((error: unknown) => this.giveUp(error))
      .finally(() => (this.looking = undefined));
    return settled.promise;
  }

  async stop(): Promise<void> {
    this.open.clear();
    await this.looking;
    await this.client.end();
  }

  private async look(): Promise<void> {
    while (this.open.size > 0) {
      const began = performance.now();
      const { rows } = await this.client.query<{ id: string }>({
        name: 'settled',
        text: `select id from orders where id = any($1::uuid[]) and settled_at is not null ${Watch.mark}`,
        values: [[...this.open.keys()]],
      });
      const ended = performance.now();
      this.looks++;
      for (const { id } of rows) {
        this.open.get(id)?.resolve(ended);
        this.open.delete(id);
      }
      await pause(this.open.size < MANY ? SHORTEST_REST_MS : Math.max(SHORTEST_REST_MS, (ended - began) * REST));
    }
  }

  private giveUp(error: unknown): void {
    for (const { reject } of this.open.values()) reject(error);
    this.open.clear();
  }
}
