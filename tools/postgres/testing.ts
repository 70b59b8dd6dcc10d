import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { createDatabaseAt, withClient } from './connect.js';

export interface FreshDatabase {
  readonly url: string;
  /** Cuts the connections to it, then removes it. */
  drop(): Promise<void>;
}

declare module 'vitest' {
  interface ProvidedContext {
    POSTGRES_URL: string;
  }
}

/** An empty database of its own for a spec file, in the PostgreSQL that all integration specs of a run share. */
export async function freshDatabase(): Promise<FreshDatabase> {
  const server = inject('POSTGRES_URL');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  const url = await createDatabaseAt(server, name);
  return {
    url,
    drop: () =>
      withClient(server, async (client) => void (await client.query(`drop database if exists ${name} with (force)`))),
  };
}
