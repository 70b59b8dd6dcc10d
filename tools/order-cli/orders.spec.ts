import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { Orders, Refused } from './orders.js';

describe('placing an order', () => {
  let server: Server;
  const keys: (string | undefined)[] = [];
  const times: number[] = [];

  /** Answers in this order, the last one ever after. */
  async function serve(...answers: readonly (readonly [status: number, headers: Record<string, string>])[]) {
    server = createServer((request, response) => {
      const [status, headers] = answers[Math.min(keys.length, answers.length - 1)]!;
      keys.push(request.headers['idempotency-key'] as string | undefined);
      times.push(performance.now());
      response.writeHead(status, headers).end(JSON.stringify({ orderId: 'an order', title: 'too much to do' }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  afterEach(() => {
    server.closeAllConnections();
    server.close();
    keys.length = times.length = 0;
  });

  it('comes again when it was told, with the same key', async () => {
    const orders = new Orders(await serve([503, { 'retry-after': '1' }], [202, {}]), 10_000);
    expect(await orders.place({})).toMatchObject({ orderId: 'an order' });
    expect(new Set(keys).size).toBe(1);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(950);
  });

  it('gives up when it would have to wait longer than asked for', async () => {
    const orders = new Orders(await serve([503, { 'retry-after': '60' }]), 3_000);
    await expect(orders.place({})).rejects.toThrow(Refused);
  });
});
