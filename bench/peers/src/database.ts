import { Pool, type PoolClient } from 'pg';

const schema = {
  order: `create table if not exists orders (
    id uuid primary key, status text not null default 'placed', placed_at timestamptz not null default now(),
    settled_at timestamptz, total_cents bigint not null, customer jsonb not null, lines jsonb not null,
    shipping_address jsonb not null, history jsonb not null default '[]')`,
  inventory: `
    create table if not exists stock (sku text primary key, on_hand bigint not null, reserved bigint not null default 0);
    create table if not exists reservation (order_id uuid primary key, goods jsonb not null, status text not null)`,
  payment: `create table if not exists payment (
    order_id uuid primary key, amount_cents bigint not null, charge_id text not null, charged_at timestamptz not null default now())`,
  shipping: `create table if not exists shipment (
    order_id uuid primary key, address jsonb not null, carrier text not null, tracking_number text not null)`,
  notification: `create table if not exists letter (
    order_id uuid not null, kind text not null, sent_at timestamptz not null default now(), primary key (order_id, kind))`,
};

/** The service's own database, with its tables. */
export class Database {
  private readonly pool = new Pool({ connectionString: process.env['DATABASE_URL'], max: 10, keepAlive: true });

  async prepare(service: keyof typeof schema): Promise<void> {
    await this.pool.query(schema[service]);
  }

  async query(text: string, values: unknown[]): Promise<number> {
    return (await this.pool.query(text, values)).rowCount ?? 0;
  }

  async transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    try {
      await client.query('begin');
      const result = await work(client);
      await client.query('commit');
      client.release();
      return result;
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      client.release();
      throw error;
    }
  }
}
