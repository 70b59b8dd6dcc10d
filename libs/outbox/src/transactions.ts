import { randomUUIDv7 } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import type { EventType, Stated } from '#libs/contracts';
import { spanned } from '#libs/messaging';
import { Outbox } from './outbox.js';
import { transaction } from './sent.js';

type State = (...events: readonly Stated<EventType>[]) => void;

/** Where a choreography begins: a use case that changes state and tells of it, both or neither. */
export class Transactions {
  constructor(
    private readonly database: DataSource,
    private readonly outbox: Outbox,
  ) {}

  /**
   * Runs `work` in one transaction, with the events that it states in the order of the calls.
   * Resolves once all is committed; after a rejection nothing is.
   * @throws MalformedMessage where a correlation has not 1 to 512 characters, or has NUL
   */
  async run<T>(
    work: (tx: EntityManager, state: State) => Promise<T>,
    { correlationId = randomUUIDv7() }: { correlationId?: string } = {},
  ): Promise<T> {
    const stated: Stated<EventType>[] = [];
    const { value, rows } = await spanned('transaction', async () => {
      const ended = await transaction(this.database, async (tx) => ({
        value: await work(tx, (...events) => stated.push(...events)),
        written: await this.outbox.write(tx, this.outbox.prepare(stated, { correlationId })),
      }));
      return { value: ended.value, rows: await ended.written.rows };
    });
    this.outbox.committed(rows);
    return value;
  }
}
