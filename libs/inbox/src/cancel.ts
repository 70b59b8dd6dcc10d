import { Client } from 'pg';
import type { EntityManager } from 'typeorm';

const WITHIN_MS = 2_000;

/**
 * Ends what a transaction waits for in the database, which the rollback would have to wait for as well. On a connection of its own, since those of the
 * pool may all hang. Resolves in any case; where it is in vain, `statement_timeout` ends the statement later.
 */
export async function cancelStatementOf(tx: EntityManager): Promise<void> {
  let client: Client | undefined;
  try {
    const waiting = (await tx.queryRunner!.connect()) as Client & { processID: number };
    const { host, port, user, password, database, ssl } = waiting;
    const within = { connectionTimeoutMillis: WITHIN_MS, query_timeout: WITHIN_MS };
    client = new Client({ host, port, user, password, database, ssl, ...within });
    client.on('error', () => undefined);
    await client.connect();
    await client.query('select pg_cancel_backend($1)', [waiting.processID]);
  } catch {
    // See above.
  } finally {
    await client?.end().catch(() => undefined);
  }
}
