import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Options } from './options.js';

export interface Order {
  readonly orderId: string;
  readonly status: string;
  readonly reason?: string;
  readonly settled: boolean;
  readonly totalCents: number;
  readonly placedAt: string;
  readonly settledAt?: string;
  readonly history: readonly { readonly type: string; readonly service: string; readonly time: string }[];
}

export interface Placed {
  readonly orderId: string;
  readonly totalCents: number;
  readonly traceId?: string;
  readonly links?: { readonly trace?: string };
  /** When the request was sent, milliseconds since 1970 with fractions. */
  readonly sentAt: number;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** It has too much to do for the moment. */
  readonly retryAfterMs?: number;
}

/** Nothing answers at the address; the message says what to do. */
export class Unreachable extends Error {}

/** The service answered that it does not take the order; the message names what is wrong with it. */
export class Refused extends Error {}

/** Places orders over HTTP, and looks after them. */
export class Orders {
  private readonly agent = new Agent({ keepAlive: true });

  constructor(
    private readonly url: string,
    private readonly timeoutMs: number,
  ) {}

  /**
   * An answer that got lost is asked for again with the same idempotency key: one order, whatever happens. A service that has too much to do is
   * asked again when it said.
   */
  async place(order: unknown): Promise<Placed> {
    const sentAt = now();
    const headers = { 'content-type': 'application/json', 'idempotency-key': randomUUID() };
    for (let attempt = 1; ; attempt++) {
      try {
        const { status, body, retryAfterMs } = await this.ask('POST', '/orders', headers, JSON.stringify(order));
        if (status === 202) return { ...(body as Omit<Placed, 'sentAt'>), sentAt };
        if (retryAfterMs !== undefined && now() + retryAfterMs - sentAt < this.timeoutMs) {
          await pause(retryAfterMs * (1 + Math.random()));
          continue;
        }
        if (status < 500 || attempt >= 5) throw new Refused(problemIn(status, body));
      } catch (error) {
        if (error instanceof Refused) throw error;
        if (attempt === 1) await this.mustBeThere(error);
        if (now() - sentAt > this.timeoutMs)
          throw new Unreachable(`${this.url} took no order: ${(error as Error).message}`);
      }
      await pause(200);
    }
  }

  /** The order as it is now; undefined when the service does not answer at this moment. */
  async look(orderId: string): Promise<Order | undefined> {
    const answer = await this.ask('GET', `/orders/${orderId}`).catch(() => undefined);
    return answer?.status === 200 ? (answer.body as Order) : undefined;
  }

  close(): void {
    this.agent.destroy();
  }

  private async mustBeThere(cause: unknown): Promise<void> {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EHOSTUNREACH') {
      throw new Unreachable(
        `nobody answers at ${this.url} (${code}); start the services with npm start, or give their address with --url`,
      );
    }
  }

  private ask(method: string, path: string, headers = {}, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.url}${path}`,
        { method, headers, agent: this.agent, timeout: 10_000 },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => {
            const seconds = Number(response.headers['retry-after']);
            const retry = seconds > 0 ? { retryAfterMs: seconds * 1000 } : {};
            resolve({ status: response.statusCode ?? 0, body: parse(text), ...retry });
          });
          response.on('error', reject);
        },
      );
      sent.on('timeout', () => sent.destroy(new Error('no answer within 10 s')));
      sent.on('error', reject);
      sent.end(body);
    });
  }
}

/** A body as the service takes it, of what was asked for. */
export function anOrder({ token, country, sku, quantity }: Options): unknown {
  return {
    customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
    lines: [{ sku: oneOf(sku), quantity }],
    shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: oneOf(country) },
    paymentToken: oneOf(token),
  };
}

/** Milliseconds since 1970, with fractions. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

function oneOf(list: readonly string[]): string | undefined {
  return list[Math.floor(Math.random() * list.length)];
}

function problemIn(status: number, body: unknown): string {
  const {
    title,
    detail,
    errors = [],
  } = (body ?? {}) as {
    title?: string;
    detail?: string;
    errors?: readonly { field: string; message: string }[];
  };
  const fields = errors.map(({ field, message }) => `${field}: ${message}`);
  return [
    `the order was refused (${status}): ${title ?? 'no reason given'}`,
    ...(detail ? [detail] : []),
    ...fields,
  ].join('; ');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
