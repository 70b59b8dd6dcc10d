import { Controller, SetMetadata, UseFilters, applyDecorators } from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import type { EntityManager } from 'typeorm';
import { KeepReactionErrors } from './keep-reaction-errors.js';
import type { Command, CommandType, Envelope, EventType, MessageType } from '#libs/contracts';

type Awaitable<T> = T | Promise<T>;
type MessagesOf<Emits extends readonly MessageType[]> = { [K in keyof Emits]: ReturnType<Emits[K]> }[number];

/** What a reaction returns: the events to state and the commands to give, written in its transaction. */
export type Outcome<Emits extends readonly MessageType[]> = Awaitable<
  readonly MessagesOf<Emits>[] | MessagesOf<Emits> | undefined | void
>;

/** What a command's handler returns: the part that runs in a transaction, once its outside call is done. */
export type Conclusion<Emits extends readonly MessageType[]> = Awaitable<(tx: EntityManager) => Outcome<Emits>>;

/** How a failing message is tried again; what is absent comes from the service's defaults. */
export interface RetryPolicy {
  /** Tries in all, the first included. */
  readonly attempts?: number;
  /** Upper bound of the first pause; doubles with each attempt. Milliseconds. */
  readonly baseMs?: number;
  /** Bound of every pause. Milliseconds. */
  readonly capMs?: number;
}

interface Options<Emits extends readonly MessageType[]> {
  /** Every type that the handler may return; the compiler holds it to that. */
  readonly emits?: Emits;
  readonly retry?: RetryPolicy;
  /**
   * The transaction is cancelled after this many milliseconds and counted as a failed attempt. Of a command both its call and its conclusion have so many, the conclusion no more than
   * `REACTION_TIMEOUT_MS`.
   */
  readonly timeoutMs?: number;
  /**
   * Nothing goes on by it as a rule: while work piles up, its message may wait up to 80 ms for what is to go on, to share a transaction. Absent: where the handler
   * emits nothing.
   */
  readonly canWait?: boolean;
}

/** What `@On` and `@Does` leave behind for the strategy and the drawing of the choreography. */
export interface HandlerInfo extends Options<readonly MessageType[]> {
  readonly reactsTo: MessageType;
  readonly emits: readonly MessageType[];
}

export interface ReactionsInfo {
  readonly service: string;
  /** Events that the service states of its own accord, on a request and not on a message. */
  readonly states?: readonly EventType[];
}

export const REACTIONS = 'farandole:reactions';

/** Marks the class that holds a service's part of the choreography. */
export function Reactions(info: ReactionsInfo): ClassDecorator {
  return applyDecorators(Controller(), UseFilters(KeepReactionErrors), SetMetadata(REACTIONS, info));
}

/** Generic in the method, since a descriptor of one type is none of a wider one. */
type MethodOf<M> = <F extends M>(target: object, name: string | symbol, descriptor: TypedPropertyDescriptor<F>) => void;

/** Reacts to an event, in one transaction with the claim of its id and with all that the method returns. */
export function On<E extends EventType, const Emits extends readonly MessageType[] = readonly []>(
  reactsTo: E,
  options: Options<Emits> = {},
): MethodOf<(event: Envelope<E>, tx: EntityManager) => Outcome<Emits>> {
  return handles({ emits: [], ...options, reactsTo });
}

/** Does a command: runs outside of any transaction, may run again after a crash, and returns what to do in one. */
export function Does<C extends CommandType, const Emits extends readonly MessageType[] = readonly []>(
  reactsTo: C,
  options: Omit<Options<Emits>, 'canWait'> = {},
): MethodOf<(command: Command<C>) => Conclusion<Emits>> {
  return handles({ emits: [], ...options, reactsTo });
}

function handles<M>(info: HandlerInfo): MethodOf<M> {
  return (target, name, descriptor) => {
    // Nest hands over undecorated parameters one only.
    Payload()(target, name, 0);
    Ctx()(target, name, 1);
    EventPattern<string>(patternOf(info.reactsTo), undefined, { ...info })(target, name, descriptor);
  };
}

/** Nest's pattern of a handler; events and commands may share a type's name. */
export function patternOf(message: MessageType): string {
  return `${message.kind}:${message.type}`;
}
