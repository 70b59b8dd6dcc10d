import { ask } from '../ask.js';
import { type ServiceName, services } from '../platform/apps.js';
import type { Addresses } from './options.js';
import type { Fact, Handling } from './tree.js';

export interface Order {
  readonly orderId: string;
  readonly status: string;
  readonly reason?: string;
  readonly settled: boolean;
  readonly placedAt: string;
  readonly settledAt?: string;
  readonly traceId?: string;
  readonly links: { readonly trace?: string };
  readonly history: readonly Fact[];
}

export interface Gathered {
  readonly order: Order;
  readonly handlings: readonly Handling[];
  /** Services that could not be asked. */
  readonly silent: readonly { readonly service: ServiceName; readonly why: string }[];
}

/** There is no story to tell; the message says why, and what to do. */
export class NotTold extends Error {}

const MOST_IDS = 100;

/**
 * Asks order for the history, then all services what became of each message in it, what waits or was set aside of the order, and of those
 * that these follow from, until nothing new turns up. @throws NotTold when the order is unknown or its service does not answer
 */
export async function gather(orderId: string, addresses: Addresses): Promise<Gathered> {
  const order = await findOrder(orderId, addresses.order);
  const handlings = new Map<string, Handling>();
  const silent = new Map<ServiceName, string>();
  const asked = new Set<string>();
  let unknown = idsIn(order.history);
  // At least once: an order of which nothing has been heard yet may wait in a service, or have been set aside there.
  do {
    for (const id of unknown) asked.add(id);
    const ids = unknown;
    const answers = await Promise.all(
      services
        .filter((service) => !silent.has(service))
        .map((service) =>
          handled(service, addresses[service], ids, orderId).catch((error: unknown) => {
            silent.set(service, (error as Error).message);
            return [];
          }),
        ),
    );
    for (const one of answers.flat()) handlings.set(`${one.service} ${one.id}`, one);
    unknown = idsIn(answers.flat()).filter((id) => !asked.has(id));
  } while (unknown.length > 0);
  return { order, handlings: [...handlings.values()], silent: [...silent].map(([service, why]) => ({ service, why })) };
}

async function findOrder(orderId: string, url: string): Promise<Order> {
  const { status, body } = await ask(`${url}/orders/${orderId}`).catch((error: unknown) => {
    throw new NotTold(
      `${(error as Error).message}; start the services with npm start, or give the address of order with --url`,
    );
  });
  if (status === 404) throw new NotTold(`there is no order ${orderId} at ${url}`);
  if (status !== 200) throw new NotTold(`${url} answered ${status} when asked for the order`);
  const order = body as Order | null | undefined;
  if (order && Array.isArray(order.history)) return order;
  throw new NotTold(`what answers at ${url} is not the order service; give its address with --url`);
}

async function handled(service: ServiceName, url: string, ids: readonly string[], key: string): Promise<Handling[]> {
  const found: Handling[] = [];
  for (let from = 0; from === 0 || from < ids.length; from += MOST_IDS) {
    const some = ids.slice(from, from + MOST_IDS);
    const query = `service=${service}&key=${key}${some.length > 0 ? `&ids=${some.join(',')}` : ''}`;
    const { status, body } = await ask(`${url}/messages?${query}`);
    if (status !== 200) throw new Error(`${url} answered ${status}${titleOf(body)}`);
    if (!Array.isArray(body)) throw new Error(`what answers at ${url} is not ${service}`);
    const answer = body as Omit<Handling, 'service'>[];
    found.push(...answer.map((one) => ({ ...one, service })));
  }
  return found;
}

/** Of a problem (RFC 9457), which tells which service answers that was not asked for. */
function titleOf(body: unknown): string {
  const { title } = (body ?? {}) as { readonly title?: string };
  return title ? `: ${title}` : '';
}

function idsIn(messages: readonly { readonly id?: string; readonly causationId?: string | null }[]): string[] {
  const ids = messages.flatMap(({ id, causationId }) => [id, causationId]);
  return [...new Set(ids.filter((id): id is string => typeof id === 'string'))];
}
