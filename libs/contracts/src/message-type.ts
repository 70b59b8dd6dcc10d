import { z } from 'zod';

/** Something that happened or something to do, as its type declares it and as code hands it on: not yet stated, no id. */
export interface Stated<T extends MessageType = MessageType> {
  readonly of: T;
  readonly data: DataOf<T>;
}

interface Declaration<Kind extends 'event' | 'command', Type extends string, Schema extends z.ZodType> {
  readonly kind: Kind;
  /** The name on the wire, `order.placed`. */
  readonly type: Type;
  /** Goes up when a reader of the version before could not read it. */
  readonly version: number;
  readonly schema: Schema;
  /** The partition key: messages of one key keep their order. */
  keyOf(data: z.output<Schema>): string;
}

/**
 * A past-tense fact, published to whoever cares. Call it with the data to state it.
 * @throws MalformedMessage where the data do not fit: what no reader could take is never sent
 */
export interface EventType<Type extends string = string, Schema extends z.ZodType = z.ZodType> extends Declaration<
  'event',
  Type,
  Schema
> {
  (data: z.output<Schema>): { readonly of: EventType<Type, Schema>; readonly data: z.output<Schema> };
  /** The service that states it. */
  readonly source: string;
}

/**
 * Work that a service gives itself. Call it with the data to give it.
 * @throws MalformedMessage where the data do not fit
 */
export interface CommandType<Type extends string = string, Schema extends z.ZodType = z.ZodType> extends Declaration<
  'command',
  Type,
  Schema
> {
  (data: z.output<Schema>): { readonly of: CommandType<Type, Schema>; readonly data: z.output<Schema> };
}

// oxlint-disable-next-line typescript/no-explicit-any -- any schema: inference must not narrow the data to unknown
export type MessageType = EventType<string, any> | CommandType<string, any>;

export type DataOf<T> = T extends { readonly schema: z.ZodType<infer Data> } ? Data : never;

/** The message is no CloudEvent, or its data do not fit its type: the message itself is at fault, not the moment. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

/** @throws MalformedMessage naming each field of the data that does not fit */
export function dataOf<T extends MessageType>(of: T, data: unknown): DataOf<T> {
  const fit = (of.schema as z.ZodType<DataOf<T>>).safeParse(data);
  if (!fit.success) throw new MalformedMessage(`${of.type} v${of.version}: ${z.prettifyError(fit.error)}`);
  return fit.data;
}

interface Options<Schema extends z.ZodType> {
  /** Has to take its own output, as JSON, for an input: a transform into a `Date` does not, and each reader would refuse the message. */
  readonly data: Schema;
  readonly version?: number;
  /** Of 1 to 512 characters (UTF-16 code units) without NUL: others are not sent. */
  readonly key: (data: z.output<Schema>) => string;
}

export function event<Type extends string, Schema extends z.ZodType>(
  type: Type,
  options: Options<Schema> & { readonly source: string },
): EventType<Type, Schema> {
  return declare('event', type, options, { source: options.source }) as EventType<Type, Schema>;
}

export function command<Type extends string, Schema extends z.ZodType>(
  type: Type,
  options: Options<Schema>,
): CommandType<Type, Schema> {
  return declare('command', type, options, {}) as CommandType<Type, Schema>;
}

function declare<Schema extends z.ZodType>(kind: string, type: string, options: Options<Schema>, more: object) {
  const { data: schema, version = 1, key: keyOf } = options;
  const state = (data: z.output<Schema>) => ({ of, data: dataOf(of, data) });
  const of = Object.assign(state, { kind, type, version, schema, keyOf, ...more }) as MessageType;
  return of;
}
