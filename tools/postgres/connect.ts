import { Client } from 'pg';

/** The address of a database of the PostgreSQL at that port. */
export function urlOf(port: number, database = 'postgres'): string {
  return `postgres://postgres@127.0.0.1:${port}/${database}`;
}

/** Runs `work` with a connection that is closed afterwards. */
export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  // a server that ends while we are connected rejects the query; the event besides would end this process
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Whether a PostgreSQL takes connections at that port now. */
export function answers(port: number): Promise<boolean> {
  return withClient(urlOf(port), (client) => client.query('select 1')).then(
    () => true,
    () => false,
  );
}

/** Creates the database unless it is there, also when several do so at once. Returns its url. */
export async function createDatabaseAt(serverUrl: string, name: string): Promise<string> {
  await withClient(serverUrl, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`).catch(unlessItExists);
  });
  const url = new URL(serverUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

function unlessItExists(error: unknown): void {
  const { code } = error as { code?: string };
  if (code !== '42P04' && code !== '23505') throw error;
}
