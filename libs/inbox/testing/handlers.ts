import type { EntityManager } from 'typeorm';
import { ChargePayment, ShipmentCreated } from '#libs/contracts';
import { Handlers, type HandlerInfo } from '#libs/messaging';

/** What a message comes to, by its key. */
type Doing = (key: string) => Promise<void>;

/** `retry` and `timeoutMs` are of both handlers. */
interface Doings extends Pick<HandlerInfo, 'retry' | 'timeoutMs'> {
  readonly does?: Doing;
  readonly ends?: Doing;
  /** May return commands. */
  readonly reacts?: (key: string, tx: EntityManager) => Promise<unknown>;
}

/** Handlers of `payment.charge`, which does one thing and ends with another, and of `shipment.created`. */
export function handlersOf({ does, ends, reacts, ...own }: Doings): Handlers {
  const command: HandlerInfo = { reactsTo: ChargePayment, emits: [], ...own };
  const event: HandlerInfo = { reactsTo: ShipmentCreated, emits: [ChargePayment], ...own };
  const charge = async ({ key }: { key: string }) => {
    await does?.(key);
    return () => ends?.(key);
  };
  const react = async ({ key }: { key: string }, tx: EntityManager) => reacts?.(key, tx);
  return new Handlers(
    new Map([
      ['command:payment.charge', Object.assign(charge, { extras: command }) as never],
      ['event:shipment.created', Object.assign(react, { extras: event }) as never],
    ]),
  );
}
