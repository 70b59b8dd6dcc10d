import { Client } from 'pg';
import type { EntityManager } from 'typeorm';

const WITHIN_MS = 2_000;

/**
 * Ends what a transaction waits for in the database, which the rollback would have to wait for as well. On a connection of its own, since those of the
 * pool may all hang. Resolves in any case; where it is in vain, `statement_timeout` ends the statement later.
 */
export async function cancelStatementOf(tx: EntityManager): Promise<void> {
  const { url } = tx.dataSource.options as { url?: string };
  const client = new Client({ connectionString: url, connectionTimeoutMillis: WITHIN_MS, query_timeout: WITHIN_MS });
  client.on('error', () => undefined);
  try {
    const { processID } = (await tx.queryRunner!.connect()) as { processID: number };
    await client.connect();
    await client.query('select pg_cancel_backend($1)', [processID]);
  } catch {
    // See above.
  } finally {
    await client.end().catch(() => undefined);
  }
}
