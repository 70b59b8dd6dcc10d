import { setTimeout as pause } from 'node:timers/promises';
import { now, type Order, type Orders, type Placed } from './orders.js';

const longestPauseMs = 250;

/**
 * Looks at the order until it is settled: the first time when it is likely to be, then more and more rarely. How often
 * one looks does not change what is measured, since the service tells when the order was settled; it costs the service work.
 * Resolves to undefined when that did not happen in time.
 */
export async function untilSettled(
  orders: Orders,
  placed: Placed,
  {
    firstLookMs,
    pauseMs,
    timeoutMs,
    onLook,
  }: {
    readonly firstLookMs: number;
    readonly pauseMs: number;
    readonly timeoutMs: number;
    readonly onLook?: (order: Order) => void;
  },
): Promise<Order | undefined> {
  await pause(Math.max(0, placed.sentAt + firstLookMs - now()));
  for (let next = pauseMs; now() - placed.sentAt < timeoutMs; next = Math.min(next * 1.2, longestPauseMs)) {
    const order = await orders.look(placed.orderId);
    if (order) onLook?.(order);
    if (order?.settled) return order;
    await pause(next);
  }
  return undefined;
}

/**
 * Milliseconds from sending the request to the settled order. On one machine both clocks are one; elsewhere only the
 * service's own two times can be compared, and the way of the request is left out.
 */
export function durationOf(order: Order, placed: Placed, sameClock: boolean): number {
  if (order.settledAt === undefined) return now() - placed.sentAt;
  const settledAt = Date.parse(order.settledAt);
  return Math.max(0, settledAt - (sameClock ? placed.sentAt : Date.parse(order.placedAt)));
}

export function isThisMachine(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname);
}
