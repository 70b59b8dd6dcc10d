import type { MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { MessageType } from '#libs/contracts';
import { patternOf, type HandlerInfo } from './reactions.js';
import type { Subscription } from './transport.js';

/** One `@On` or `@Does` method behind Nest's guards, pipes, interceptors and filters. */
export interface Handler extends HandlerInfo {
  readonly canWait: boolean;
  /** Rejects with what the method threw. */
  run(...args: unknown[]): Promise<unknown>;
}

/** Two methods react to the same message: which one ran first would be left to chance. */
export class AmbiguousReaction extends Error {
  override readonly name = 'AmbiguousReaction';
  constructor(type: string) {
    super(`two methods react to ${type}; a service reacts to a message once: merge them`);
  }
}

/** A method of Nest's own decorators waits for messages that nobody would hand to it. */
export class NoReaction extends Error {
  override readonly name = 'NoReaction';
  constructor(pattern: string) {
    super(
      `${pattern} has a handler that is neither @On nor @Does, and no other is served here; ` +
        'make it one of them, or name in its decorator the Transport of the server it is meant for',
    );
  }
}

/** All that one service reacts to and does. */
export class Handlers {
  private readonly byPattern: ReadonlyMap<string, Handler>;

  constructor(found: ReadonlyMap<string, MessageHandler>) {
    this.byPattern = new Map([...found].map(([pattern, handler]) => [pattern, toHandler(pattern, handler)]));
  }

  of(kind: MessageType['kind'], type: string): Handler | undefined {
    return this.byPattern.get(`${kind}:${type}`);
  }

  /** Of all messages that are handled here. */
  get types(): readonly string[] {
    return [...this.byPattern.values()].map((handler) => handler.reactsTo.type);
  }

  subscriptionOf(service: string): Subscription {
    const events = [...this.byPattern.values()].map((handler) => handler.reactsTo);
    return {
      service,
      sources: events.flatMap((of) => (of.kind === 'event' ? [{ topic: topicOf(of), type: of.type }] : [])),
    };
  }
}

/** The topic that a service states its events on. */
export function topicOf(event: { readonly source: string }): string {
  return `${event.source}.events`;
}

function toHandler(pattern: string, handler: MessageHandler): Handler {
  const info = handler.extras as HandlerInfo | undefined;
  if (!info?.reactsTo) throw new NoReaction(pattern);
  if (handler.next) throw new AmbiguousReaction(patternOf(info.reactsTo));
  return {
    ...info,
    canWait: info.canWait ?? info.emits.length === 0,
    async run(...args) {
      const result: unknown = await (handler as (...all: unknown[]) => Promise<unknown>)(...args);
      return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
    },
  };
}
