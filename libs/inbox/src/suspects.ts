import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { Hopeless } from '#libs/messaging';

/** The process ended each time this message was handled. */
export class KillsTheProcess extends Hopeless {
  override readonly name = 'KillsTheProcess';
  constructor(type: string, times: number) {
    super(`the process ended ${times} times while it handled this ${type}; its bytes are kept for a look`);
  }
}

/**
 * Finds the message that kills the process (out of memory, abort): what it was handling is delivered again to its next start. So for a
 * while after a start each attempt is recorded before it is made; what was under way before is handled alone, and given up after its attempts.
 */
export class Suspects {
  private readonly run = randomUUID();

  constructor(private remaining: number) {}

  /** Whether a message of the last run may still be delivered again. */
  get watching(): boolean {
    return this.remaining > 0;
  }

  /** How many attempts were recorded of each that was not survived. */
  async recorded(database: EntityManager, messageIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows: { message_id: string; attempts: number }[] = await database.query(
      'select message_id, attempts from suspect where message_id = any($1::uuid[])',
      [messageIds],
    );
    return new Map(rows.map((row) => [row.message_id, row.attempts]));
  }

  /** Records an attempt of each, committed at once. A process counts once per message: an attempt that it outlived did not kill it. */
  async record(database: EntityManager, messageIds: readonly string[]): Promise<void> {
    this.remaining -= messageIds.length;
    await database.query(
      `insert into suspect (message_id, attempts, run) select unnest($1::uuid[]), 1, $2::uuid
       on conflict (message_id) do update
       set attempts = suspect.attempts + (suspect.run <> excluded.run)::int, run = excluded.run`,
      [messageIds.toSorted(), this.run],
    );
  }

  /** The attempt was survived. */
  async clear(database: EntityManager, messageIds: readonly string[]): Promise<void> {
    await database.query('delete from suspect where message_id = any($1::uuid[])', [messageIds]);
  }
}
