import { setTimeout as pause } from 'node:timers/promises';
import { SCARCE } from './arena.js';
import { PATIENCE_MS } from '../patience.js';
import { bodyOf, type OrderRequest, type OrderView, type World } from '../world.js';

const CUSTOMERS = 6;
/** All together; bounded, since each order is looked at in the end. */
const ORDERS_PER_S = 6;
/** After this a customer asks again, with the same key, whatever became of the first request. */
const ANSWER_WITHIN_MS = 4_000;

const MIX: readonly OrderRequest[] = [
  {},
  { token: 'tok_declined' },
  { country: 'AQ' },
  { sku: SCARCE.sku },
  { token: 'tok_flaky', quantity: 2 },
  { sku: SCARCE.sku, country: 'AQ' },
  { sku: 'sold-out' },
  { sku: SCARCE.sku, quantity: 2 },
  { sku: 'mug-white', quantity: 3 },
];

export interface Customers {
  /** No new orders; resolves with all that were placed once each has its answer. */
  leave(): Promise<readonly string[]>;
}

/**
 * Customers that place orders, at this replica of the order service and at that. Whoever gets no answer asks again with the same key;
 * every tenth asks twice at once to begin with. `leave` rejects where one request became two orders, or none.
 */
export function customersOf(world: World, replicas: number): Customers {
  const placed: string[] = [];
  let open = true;
  let next = 0;
  let slot = performance.now();
  const customer = async () => {
    while (open) {
      const now = performance.now();
      slot = Math.max(slot + 1_000 / ORDERS_PER_S, now);
      await pause(slot - now);
      const n = next++;
      const ask = asking(world, replicas, n);
      const ids = await Promise.all(n % 10 === 0 ? [ask(), ask()] : [ask()]);
      if (new Set(ids).size > 1) throw new Error(`one request became two orders: ${ids.join(', ')}`);
      placed.push(...new Set(ids));
    }
  };
  const all = Promise.all(Array.from({ length: CUSTOMERS }, customer));
  all.catch(() => undefined);
  return {
    async leave() {
      open = false;
      await all;
      return placed;
    },
  };
}

/** One request, however often it is sent. */
function asking(world: World, replicas: number, n: number): () => Promise<string> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() };
  const body = JSON.stringify(bodyOf(MIX[n % MIX.length]!));
  const deadline = Date.now() + PATIENCE_MS;
  let replica = n;
  return async () => {
    for (;;) {
      const url = `${world.platform.url('order', replica++ % replicas)}/orders`;
      const answer = await answerOf(url, { method: 'POST', headers, body });
      if (answer.orderId !== undefined) return answer.orderId;
      if (Date.now() > deadline) throw new Error(`POST /orders within ${PATIENCE_MS} ms: ${answer.refusal}`);
      await pause(100);
    }
  };
}

/** @throws where the answer is none that another try could change */
async function answerOf(url: string, request: RequestInit): Promise<{ orderId?: string; refusal?: string }> {
  let response: Response;
  try {
    response = await fetch(url, { ...request, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (response.status === 202) return (await response.json()) as OrderView;
  } catch (error) {
    return { refusal: String(error) };
  }
  const refusal = `${response.status} ${await response.text().catch(String)}`;
  if (response.status < 500) throw new Error(`POST /orders: ${refusal}`);
  return { refusal };
}
