import type { DataOf, MessageType } from './message-type.js';

/** What a reaction gets: the data and what the sender said of it. */
export interface Envelope<T extends MessageType = MessageType> {
  /** UUIDv7; the id by which a message counts as seen before. */
  readonly id: string;
  readonly type: T['type'];
  readonly version: number;
  /** The service that stated it. */
  readonly source: string;
  /** Partition key. */
  readonly key: string;
  /** When it was stated, ISO 8601, by the stating machine's clock; for people, never for comparing. */
  readonly time: string;
  /** The same for all messages that follow from one request. */
  readonly correlationId: string;
  /** The id of the message that this one follows from; absent on the first. */
  readonly causationId?: string;
  /** The order in which one service stated its events; compare only within one source. */
  readonly sequence?: number;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly data: DataOf<T>;
}

/** A command on its way to its handler; the id serves as idempotency key towards whatever it calls. */
export interface Command<T extends MessageType = MessageType> extends Envelope<T> {
  /** 1 on the first try. */
  readonly attempt: number;
}
