import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { connect } from '../database.js';

const SHORTEST_REST_MS = 1;
/** No look is taken before the oldest order is of this share of the shortest time that one took so far: looks are work that others would do meanwhile. */
const BLIND = 0.95;
/** Between two looks with many orders under way: a hundred looks a second cost a few hundredths of one CPU. */
const REST_MS = 10;
const MANY = 10;
const LONGEST_MS = 120_000;

interface Open extends PromiseWithResolvers<number> {
  readonly since: number;
}

/**
 * Notices when orders are settled: one query every millisecond, or ten with many orders under way, asks the order service's database for all of these. An order's
 * own `settled_at` is the time at which the transaction that settled it began, so it tells of an end that nobody could see yet.
 */
export class Watch {
  /** Marks its statements in pg_stat_statements. */
  static readonly mark = '/* bench */';
  private readonly open = new Map<string, Open>();
  /** Milliseconds that an order took until it was seen to be settled. */
  private shortest: number | undefined;
  private looking: Promise<void> | undefined;

  private constructor(
    private readonly client: Client,
    readonly backend: number,
    private readonly longestMs: number,
  ) {}

  static async start(orderDatabase: string, longestMs = LONGEST_MS): Promise<Watch> {
    const client = await connect(orderDatabase);
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    return new Watch(client, rows[0]!.pid, longestMs);
  }

  /** How many are under way. */
  get size(): number {
    return this.open.size;
  }

  /** Resolves with the time (`performance.now()`) at which the order was seen to be settled: late by one look at most, unless it took less than `BLIND` of the shortest before. @throws when that takes two minutes */
  settled(orderId: string): Promise<number> {
    const settled = { ...Promise.withResolvers<number>(), since: performance.now() };
    this.open.set(orderId, settled);
    this.looking ??= this.look()
      .catch((error: unknown) => this.giveUp(error))
      .finally(() => (this.looking = undefined));
    return settled.promise;
  }

  /** Orders under way are rejected. */
  async stop(): Promise<void> {
    this.giveUp(new Error('the bench has stopped looking for orders that are settled'));
    await this.looking;
    await this.client.end();
  }

  private async look(): Promise<void> {
    while (this.open.size > 0) {
      await pause(Math.max(SHORTEST_REST_MS, this.open.size < MANY ? this.blindMs() : REST_MS));
      const { rows } = await this.client.query<{ id: string }>({
        name: 'settled',
        text: `select id from orders where id = any($1::uuid[]) and settled_at is not null ${Watch.mark}`,
        values: [[...this.open.keys()]],
      });
      const ended = performance.now();
      for (const { id } of rows) this.end(id, ended);
      this.endOverdue(ended);
    }
  }

  /** They are in the order in which they came. */
  private endOverdue(now: number): void {
    for (const [id, { since, reject }] of this.open) {
      if (now - since < this.longestMs) return;
      this.open.delete(id);
      reject(new Error(`order ${id} is not settled after ${this.longestMs / 1000} s`));
    }
  }

  /** Until one of the orders under way may be settled. */
  private blindMs(): number {
    const oldest = Math.min(...[...this.open.values()].map(({ since }) => since));
    return oldest + (this.shortest ?? 0) * BLIND - performance.now();
  }

  private end(orderId: string, at: number): void {
    const order = this.open.get(orderId);
    if (!order) return;
    this.open.delete(orderId);
    this.shortest = Math.min(this.shortest ?? Number.POSITIVE_INFINITY, at - order.since);
    order.resolve(at);
  }

  private giveUp(error: unknown): void {
    for (const { reject } of this.open.values()) reject(error);
    this.open.clear();
  }
}
