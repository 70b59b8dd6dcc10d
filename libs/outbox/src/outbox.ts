import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import { encode, type EventType, type Stated } from '#libs/contracts';
import { created, topicOf, type OutgoingMessage } from '#libs/messaging';

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
      const id = uuidv7();
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

  /** Writes them in the order given; they go out once `tx` has committed and `committed` is told of the rows. */
  async write(tx: EntityManager, messages: readonly OutgoingMessage[]): Promise<readonly OutboxRow[]> {
    if (messages.length === 0) return [];
    const rows: { id: string }[] = await tx.query(
      `insert into outbox (message_id, topic, type, key, headers, body)
       select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[]) returning id`,
      [
        messages.map((message) => message.id),
        messages.map((message) => message.topic),
        messages.map((message) => message.type),
        messages.map((message) => message.key),
        messages.map((message) => JSON.stringify(message.headers)),
        messages.map((message) => message.body),
      ],
    );
    return messages.map((message, n) => rowOf(message, Number(rows[n]!.id)));
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
