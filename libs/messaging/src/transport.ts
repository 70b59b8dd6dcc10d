import type { Headers } from '#libs/contracts';

/*
 * The words of this port and what they are on each store:
 *
 * | here       | RabbitMQ                             | Kafka                  | PostgreSQL              |
 * | ---------- | ------------------------------------ | ---------------------- | ----------------------- |
 * | topic      | exchange `events`                    | topic                  | column `topic`          |
 * | key        | header; a hash of it as routing key  | message key            | column `key`            |
 * | service    | its exchange and queues              | consumer group         | row in `cursor`         |
 * | lane       | single-active-consumer queue         | partition              | the log itself          |
 * | settle     | ack                                  | commit of the offset   | cursor moved            |
 */

/** A message as it is stored: opaque bytes, and what is needed to route and order it. */
export interface OutgoingMessage {
  /** UUIDv7. */
  readonly id: string;
  /** `<service>.events` of the stating service. */
  readonly topic: string;
  readonly type: string;
  /** Messages of one key keep their order. */
  readonly key: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface Delivery extends OutgoingMessage {
  /** The store knows that it handed this one out before; false where the store cannot tell. */
  readonly redelivered: boolean;
  /** Came back unsettled so often that handling it may be what ends the process: to be set aside, not handled. Only where the store counts. */
  readonly givenUp?: boolean;
  /** Where it was read, for logs: queue, partition and offset, or position. */
  readonly origin: string;
}

/** What one service reacts to. */
export interface Subscription {
  /** The consumer group: each service gets every message once, shared among its replicas. */
  readonly service: string;
  readonly sources: readonly Source[];
}

export interface Source {
  readonly topic: string;
  readonly type: string;
}

/** Messages stored and not yet settled. */
export interface Backlog {
  readonly service: string;
  /** Queue or partition; absent where the store has one lane. */
  readonly lane?: string;
  readonly messages: number;
}

/** What differs between stores. */
export interface TransportFeatures {
  /** Replicas of one service share the work; otherwise one works and the others stand by. */
  readonly sharedAmongReplicas: boolean;
  /** Lanes in which keys are handled side by side. */
  readonly lanes: number;
  /** Survives a restart of the process. */
  readonly durable: boolean;
}

export interface Publisher {
  /** Resolves once the broker has stored every message durably. After a rejection any of them may have been stored.
   *  Messages of one key are stored in the order given. Calls may overlap. */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  close(): Promise<void>;
}

/** Takes one more delivery into a batch, behind its last, and reads it only then; false once handling the batch has begun: the delivery comes with a later one then. */
export type JoinBatch = (read: () => Delivery) => boolean;

/** Handles a batch. One that waits for its turn may be told by `joinable` how what arrives meanwhile can join it, if the store has a use for that. */
export type HandleBatch = (batch: readonly Delivery[], joinable?: (join: JoinBatch) => void) => Promise<void>;

export interface Subscriber {
  /** Calls `handle` with deliveries of this service's subscription. Resolving settles the batch, with all that joined it; rejecting gets all of it delivered
   *  again, later, in order. Deliveries of one key are never in two running batches, in no two replicas of the service,
   *  but for a redelivery of the same ones (the inbox fences it). Resolves once deliveries can arrive, and waits for the store until then;
   *  afterwards it reconnects by itself. */
  subscribe(subscription: Subscription, handle: HandleBatch): Promise<void>;
  /** Takes no more, waits for running batches, hands the rest back. */
  close(): Promise<void>;
}

export interface Transport {
  readonly name: string;
  readonly features: TransportFeatures;
  publisher(): Promise<Publisher>;
  subscriber(): Promise<Subscriber>;
  /** All messages of these sources that are still stored and were stored from then on (a little before it, where a store's clock is coarse), oldest
   *  first per key, in batches; ends with what was stored when reading began. An independent reader: settles nothing and disturbs no subscriber.
   *  Rejects when the store is lost on the way; reading does not go on by itself. */
  history(sources: readonly Source[], from: Date): AsyncIterable<readonly Delivery[]>;
  /** Sets up a consumer group that nobody has used yet: what `history` of its sources would give waits for it, and whatever is published later.
   *  Resolves with the number of messages that wait for it; rejects with `GroupExists` when there is one of that name. */
  createGroup(subscription: Subscription, from: Date): Promise<number>;
  /** Per service, what a lag gauge shows. */
  backlog(): Promise<readonly Backlog[]>;
  /** Rejects with the reason while the store is out of reach. */
  ping(): Promise<void>;
  /** Closes what is not a publisher or subscriber: those are closed by whoever opened them, first. */
  close(): Promise<void>;
}

/** What every adapter needs beside its own settings. */
export interface TransportOptions {
  /** All services' subscriptions: whoever starts first sets them up, so that what is stated before a service first starts waits for it. */
  readonly topology: readonly Subscription[];
  /** Deliveries handed to `handle` at once, at most. */
  readonly maxBatch: number;
  /** Names this replica; stable while the process lives, different from every other replica's. */
  readonly instance: string;
  readonly log: TransportLog;
}

/** One line for people for each change that matters to them; the first argument are fields, as with pino. */
export interface TransportLog {
  debug(fields: object, line: string): void;
  info(fields: object, line: string): void;
  warn(fields: object, line: string): void;
  error(fields: object, line: string): void;
}
