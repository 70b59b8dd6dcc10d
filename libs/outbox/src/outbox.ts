import { randomUUIDv7 } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { encode, type EventType, type Stated } from '#libs/contracts';
import { created, topicOf, type OutgoingMessage } from '#libs/messaging';
import { INSERT, valuesOf } from './insert.js';
import { send, type Sent } from './sent.js';

/** What an event follows from. */
export interface Cause {
  readonly correlationId: string;
  /** The message whose reaction states the event; absent where a request does. */
  readonly causationId?: string;
}

/** An event as the outbox holds it, its row's id among the headers as `sequence`. */
export interface OutboxRow extends OutgoingMessage {
  readonly rowId: number;
}

/** The events of one service on their way out: written in the transaction that they tell of. */
export class Outbox {
  private readonly listeners: ((rows: readonly OutboxRow[]) => void)[] = [];

  /** `system` is the store's name by the semantic conventions. */
  constructor(private readonly system: string) {}

  /** Serialises events, once and for all, under the trace context that is active now. */
  prepare(events: readonly Stated<EventType>[], cause: Cause): OutgoingMessage[] {
    const time = new Date().toISOString();
    return events.map(({ of, data }) => {
      const id = randomUUIDv7();
      const key = of.keyOf(data);
      const topic = topicOf(of);
      const message = { id, type: of.type, key, correlationId: cause.correlationId };
      const { headers, body } = encode({
        ...message,
        version: of.version,
        source: of.source,
        time,
        ...(cause.causationId ? { causationId: cause.causationId } : {}),
        ...created(message, this.system, topic),
        data,
      });
      return { id, topic, type: of.type, key, headers, body };
    });
  }

  /**
   * Writes them in the order given; they go out once `tx` has committed and `committed` is told of the rows. Resolves as soon as the statement is on its way, so the COMMIT
   * need not wait for its answer.
   */
  async write(tx: EntityManager, messages: readonly OutgoingMessage[]): Promise<Sent<OutboxRow>> {
    if (messages.length === 0) return { rows: Promise.resolve([]) };
    const sent = await send<{ id: string }>(tx, INSERT, valuesOf(messages));
    const rows = sent.rows.then((ids) => messages.map((message, n) => rowOf(message, Number(ids[n]!.id))));
    rows.catch(() => undefined);
    return { rows };
  }

  /** To be called after each commit with what it wrote: the relay need not wait for its next look. */
  committed(rows: readonly OutboxRow[]): void {
    if (rows.length > 0) for (const listener of this.listeners) listener(rows);
  }

  onCommitted(listener: (rows: readonly OutboxRow[]) => void): void {
    this.listeners.push(listener);
  }
}

export function rowOf(message: OutgoingMessage, rowId: number): OutboxRow {
  return { ...message, rowId, headers: { ...message.headers, sequence: String(rowId) } };
}
