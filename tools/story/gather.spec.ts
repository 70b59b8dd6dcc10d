import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { services } from '../platform/apps.js';
import { gather, NotTold } from './gather.js';
import { addressesFrom, type Addresses } from './options.js';

const orderId = '019ac3f2-7b1e-7c55-9d3a-2f60c4b1a7e8';
const nowhere = 'http://127.0.0.1:1';
const everywhere = (url: string) => Object.fromEntries(services.map((name) => [name, url])) as Record<string, string>;

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

/** A service that answers by path; what it does not know is 404, and a problem has its own status. */
async function serve(answer: (url: URL) => unknown): Promise<string> {
  const server = createServer((request, response) => {
    const body = answer(new URL(request.url!, nowhere));
    const { status = 200 } = (body ?? { status: 404 }) as { status?: number };
    response.writeHead(status).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const order = { orderId, links: {}, history: [{ type: 'payment.charged', id: 'charged', causationId: 'charge' }] };
const causes: Record<string, string | null> = {
  charged: 'charge',
  charge: 'reserved',
  reserved: 'placed',
  placed: null,
};

describe('gather', () => {
  it('asks for causes until nothing new turns up', async () => {
    const url = await serve(({ pathname, searchParams }) =>
      pathname === `/orders/${orderId}`
        ? order
        : searchParams
            .get('ids')!
            .split(',')
            .map((id) => ({ id, type: id, causationId: causes[id], attempts: 1, duplicates: 0 })),
    );
    const { handlings, silent } = await gather(orderId, { ...everywhere(nowhere), order: url } as Addresses);
    expect(handlings.map(({ service, id }) => [service, id])).toEqual(
      ['charged', 'charge', 'reserved', 'placed'].map((id) => ['order', id]),
    );
    expect(silent.map(({ service }) => service)).toEqual(['inventory', 'payment', 'shipping', 'notification']);
  });

  it('asks what waits, or was set aside, of an order of which nothing was heard since it was placed', async () => {
    const letter = { id: 'placed', type: 'order.placed', attempts: 3, duplicates: 0, deadLetter: { id: '7' } };
    const url = await serve(({ pathname, searchParams }) =>
      pathname === `/orders/${orderId}`
        ? { ...order, history: [{ type: 'order.placed', service: 'order' }] }
        : searchParams.get('key') === orderId && [letter],
    );
    const { handlings, silent } = await gather(orderId, everywhere(url) as Addresses);
    expect(silent).toEqual([]);
    expect(handlings).toContainEqual({ ...letter, service: 'inventory' });
  });

  it('takes no service for another', async () => {
    const url = await serve(({ pathname, searchParams }) => {
      if (pathname === `/orders/${orderId}`) return order;
      const asked = searchParams.get('service');
      return asked === 'order' ? [] : { status: 409, title: `This is order, not ${asked}` };
    });
    const { silent } = await gather(orderId, everywhere(url) as Addresses);
    expect(silent).toContainEqual({ service: 'payment', why: `${url} answered 409: This is order, not payment` });
    expect(silent).toHaveLength(4);
  });

  it('does not take somebody else for a service', async () => {
    const other = await serve(() => ({}));
    await expect(gather(orderId, everywhere(other) as Addresses)).rejects.toThrow(
      new NotTold(`what answers at ${other} is not the order service; give its address with --url`),
    );
    const url = await serve(({ pathname }) => (pathname === '/messages' ? [] : order));
    const { silent } = await gather(orderId, { ...everywhere(url), payment: other } as Addresses);
    expect(silent).toEqual([{ service: 'payment', why: `what answers at ${other} is not payment` }]);
  });

  it('says that there is no such order', async () => {
    const url = await serve(() => undefined);
    await expect(gather(orderId, everywhere(url) as Addresses)).rejects.toThrow(
      `there is no order ${orderId} at ${url}`,
    );
  });

  it('says who does not answer, and what to do', async () => {
    const asked = gather(orderId, everywhere(nowhere) as Addresses);
    await expect(asked).rejects.toThrow(NotTold);
    await expect(asked).rejects.toThrow(/nobody answers at http:\/\/127\.0\.0\.1:1 .*npm start.*--url/);
  });
});

describe('addressesFrom', () => {
  it('counts the services from the port of order, but for those that are elsewhere', () => {
    expect(addressesFrom('http://10.0.0.1:4001', { payment: 'http://pay:80' })).toEqual({
      order: 'http://10.0.0.1:4001',
      inventory: 'http://10.0.0.1:4002',
      payment: 'http://pay:80',
      shipping: 'http://10.0.0.1:4004',
      notification: 'http://10.0.0.1:4005',
    });
  });
});
