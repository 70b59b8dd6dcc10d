import { withClient } from '../../tools/postgres/connect.js';
import { services, type ServiceName } from '../../tools/platform/index.js';

/** Within the time that the inbox keeps claims for, and before any order of the run. */
const OLDEST_MS = 6.5 * 86_400_000;
const YOUNGEST_MS = 60_000;

/** What keeps rows of orders long done, beside the inbox. */
const GROWING: Readonly<Partial<Record<ServiceName, readonly string[]>>> = {
  order: ['orders'],
  inventory: ['reservation'],
  payment: ['payment'],
  shipping: ['shipment'],
  notification: ['correspondence', 'letter'],
};
const growing = (service: ServiceName) => [...(GROWING[service] ?? []), 'inbox'];
const KEYS: Readonly<Record<string, string>> = { orders: 'id', inbox: 'message_id' };

type UrlOf = (service: ServiceName) => string;

/** Orders of the past days in the databases of all services: copies of one that was really placed, under ids of their own. */
export class PastOrders {
  private readonly youngest = Date.now() - YOUNGEST_MS;
  private count = 0;

  private constructor(
    private readonly urlOf: UrlOf,
    private readonly most: number,
  ) {}

  /**
   * `order` is the last one placed, and nothing is left to do for it. `most` is the number that there will be at last: they are spread over the days evenly,
   * one after the other.
   */
  static async like(order: string, urlOf: UrlOf, most: number): Promise<PastOrders> {
    for (const service of services) {
      await withClient(urlOf(service), async (client) => {
        for (const table of growing(service)) {
          // Ids are UUIDv7: what came to the inbox since then came of that order.
          const condition = `${keyOf(table)} ${table === 'inbox' ? '>' : '='} '${order}'`;
          await client.query(`create table past_${table} as
            select *, row_number() over () as nth from ${table} where ${condition}`);
        }
      });
    }
    return new PastOrders(urlOf, most);
  }

  /** Resolves once there are so many of them, vacuumed, and on the disk. */
  async growTo(count: number): Promise<void> {
    await Promise.all(
      services.map((service) =>
        withClient(this.urlOf(service), async (client) => {
          for (const table of growing(service)) {
            const { rows: columns } = await client.query<Column>(COLUMNS, [table]);
            await client.query(this.copies(table, columns, count));
            await client.query(`vacuum analyze ${table}`);
          }
          await client.query('checkpoint');
        }),
      ),
    );
    this.count = count;
  }

  /** Resolves once none of them is left; whatever is younger stays. To be called while nothing is at work. */
  async remove(): Promise<void> {
    const first = uuidOf(String(this.youngest), `repeat('0', 32)`);
    await Promise.all(
      services.map((service) =>
        withClient(this.urlOf(service), async (client) => {
          for (const table of growing(service)) {
            await client.query(`create temp table kept as select * from ${table} where ${keyOf(table)} >= ${first}`);
            await client.query(`truncate ${table}`);
            await client.query(`insert into ${table} select * from kept`);
            await client.query('drop table kept');
          }
        }),
      ),
    );
    this.count = 0;
  }

  private copies(table: string, columns: readonly Column[], count: number): string {
    const values = columns.map(({ name, type }) => {
      if (name === keyOf(table) && table !== 'inbox') return this.idOf(`''`);
      if (type === 'uuid') return this.idOf(`'${name}' || nth`);
      return name === 'idempotency_key' ? 'md5(n::text)' : name;
    });
    return `insert into ${table} (${columns.map(({ name }) => name).join(', ')})
      select ${values.join(', ')} from generate_series(${this.count}, ${count - 1}) n, past_${table}`;
  }

  /** A UUIDv7 of the time that the n-th order has, the same for the same salt. */
  private idOf(salt: string): string {
    const at = `${this.youngest - OLDEST_MS} + n * ${OLDEST_MS / this.most}::float8`;
    return uuidOf(at, `md5(n::text || ${salt})`);
  }
}

/** In SQL, the UUIDv7 of a time in milliseconds, with random bits from 32 hexadecimal digits. */
function uuidOf(at: string, digits: string): string {
  return `(lpad(to_hex((${at})::bigint), 12, '0') || '7' || substr(${digits}, 1, 3) || '8' || substr(${digits}, 4, 15))::uuid`;
}

interface Column {
  readonly name: string;
  readonly type: string;
}

const COLUMNS = `select column_name as name, data_type as type from information_schema.columns
  where table_schema = 'public' and table_name = $1 order by ordinal_position`;

function keyOf(table: string): string {
  return KEYS[table] ?? 'order_id';
}
