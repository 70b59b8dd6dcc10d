import { randomUUID } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { Hopeless } from '#libs/messaging';

/** Ends of the process before a message is given up, at least: the first may have been of a whole batch. */
export const FEWEST_DEATHS = 2;

/** The process ended each time this message was handled. */
export class KillsTheProcess extends Hopeless {
  override readonly name = 'KillsTheProcess';
  constructor(
    type: string,
    readonly times: number,
  ) {
    super(`the process ended ${times} times while it handled this ${type}; its bytes are kept for a look`);
  }
}

/**
 * Finds the message that kills the process (out of memory, abort): what it was handling is delivered again to its next start. So for a
 * while after a start each attempt is recorded before it is made; what was under way before is handled alone, and given up after its attempts.
 */
export class Suspects {
  private readonly run = randomUUID();
  private readonly outlived: string[] = [];

  constructor(private remaining: number) {}

  /** Whether a message of the last run may still be delivered again. */
  get watching(): boolean {
    return this.remaining > 0;
  }

  /**
   * Records an attempt of each, committed at once, where an earlier process did of none; otherwise resolves with how many attempts
   * were recorded of each that was not survived, and records nothing.
   */
  async begin(database: EntityManager, messageIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows: { message_id: string; attempts: number }[] = await database.query(
      `with outlived as (delete from suspect where message_id = any($3::uuid[])),
       earlier as (select message_id, attempts from suspect where message_id = any($1::uuid[]) and run <> $2::uuid),
       begun as (
         insert into suspect (message_id, attempts, run)
         select id, 1, $2::uuid from unnest($1::uuid[]) id where not exists (select from earlier) on conflict do nothing)
       select message_id, attempts from earlier`,
      [messageIds.toSorted(), this.run, this.outlived.splice(0)],
    );
    if (rows.length === 0) this.remaining -= messageIds.length;
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

  /** The attempts were survived: their records go with the next ones, or with the end of the watch. */
  async survived(database: EntityManager, messageIds: readonly string[]): Promise<void> {
    this.outlived.push(...messageIds);
    if (!this.watching) await this.clear(database, this.outlived.splice(0));
  }

  /** The attempts were survived: forgets them at once. */
  async clear(database: EntityManager, messageIds: readonly string[]): Promise<void> {
    await database.query('delete from suspect where message_id = any($1::uuid[])', [messageIds]);
  }
}
