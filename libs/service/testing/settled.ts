import { setTimeout as pause } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { Messaging } from '../src/messaging.js';

const PATIENCE_MS = 30_000;

/** Resolves once nothing is due or leased; rejects with what is still there after 30 s. */
export async function settled(database: DataSource, messaging: Messaging): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const rows: object[] = await database.query('select type, key, attempts, last_error from due limit 5');
    if (rows.length === 0) return;
    if (Date.now() > deadline) throw new Error(`still due: ${JSON.stringify(rows)}`);
    messaging.wake();
    await pause(5);
  }
}
