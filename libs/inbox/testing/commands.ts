import { v7 as uuidv7 } from 'uuid';
import { ChargePayment, encode } from '#libs/contracts';
import type { NewWork } from '../src/due.js';

/** A `payment.charge` of that key, due now. */
export function command(key: string): NewWork {
  const data = { orderId: uuidv7(), amountCents: 1, paymentToken: 'tok_visa' };
  const { headers, body } = encode({
    id: uuidv7(),
    type: ChargePayment.type,
    version: ChargePayment.version,
    source: 'payment',
    key,
    time: new Date().toISOString(),
    correlationId: uuidv7(),
    data,
  });
  return { kind: 'command', type: ChargePayment.type, key, headers, body, attempts: 0, delayMs: 0 };
}

/** So many of them, of keys of their own. */
export function commands(count: number, name = 'key'): NewWork[] {
  return Array.from({ length: count }, (_, n) => command(`${name}-${n}`));
}
