import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { Handlers } from './handlers.js';

/** What feeds the handlers: starts once Nest has found them all. */
export interface Consumer {
  /** Resolves once deliveries can arrive. */
  start(handlers: Handlers): Promise<void>;
  /** Takes no more and waits for what runs. */
  stop(): Promise<void>;
}

/** The one Nest strategy, whatever the store. */
export class ReactionsServer extends Server implements CustomTransportStrategy {
  /** Without one, Nest would give it the handlers of all other servers, too. */
  override transportId = Symbol('reactions');
  override readonly propagatesEventHandlerErrors = true;

  constructor(private readonly consumer: Consumer) {
    super();
  }

  listen(callback: (error?: unknown) => void): void {
    this.startConsumer().then(() => callback(), callback);
  }

  close(): Promise<void> {
    return this.consumer.stop();
  }

  on(): never {
    throw new Error('ReactionsServer has no events of its own');
  }

  unwrap<T>(): T {
    return this.consumer as T;
  }

  private async startConsumer(): Promise<void> {
    await this.consumer.start(new Handlers(this.getHandlers()));
  }
}
