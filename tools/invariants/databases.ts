import { Client } from 'pg';
import { type ServiceName, services } from '../platform/apps.js';
import { NotChecked, reasonOf } from './reach.js';
import type { System } from './system.js';

/** One connection to each of the five databases. */
export class Databases {
  private constructor(private readonly clients: ReadonlyMap<ServiceName, Client>) {}

  /** @throws NotChecked */
  static async open(system: Pick<System, 'databaseUrl'>): Promise<Databases> {
    const clients = new Map<ServiceName, Client>();
    const databases = new Databases(clients);
    try {
      for (const service of services) {
        const client = new Client({ connectionString: system.databaseUrl(service), connectionTimeoutMillis: 10_000 });
        client.on('error', () => undefined);
        clients.set(service, client);
        await client.connect().catch((error: unknown) => {
          const why = `the database of ${service} does not answer: ${reasonOf(error)}`;
          throw new NotChecked(`${why}; start it with npm start, or say where it is with --database-url`);
        });
      }
      return databases;
    } catch (error) {
      await databases.close();
      throw error;
    }
  }

  async query<Row extends object>(service: ServiceName, sql: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.clients.get(service)!.query<Row>(sql, values)).rows;
  }

  async close(): Promise<void> {
    await Promise.all([...this.clients.values()].map((client) => client.end().catch(() => undefined)));
  }
}
