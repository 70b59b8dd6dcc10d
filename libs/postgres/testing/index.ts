import type { Subscriber, Transport } from '#libs/messaging';
import { startProxyTo, type Proxy, type Rig } from '#libs/messaging/testing';
import { createPostgresTransport } from '../src/index.js';

/** A PostgreSQL that a test may end. */
export interface Server {
  /** With user, password and database; the host is this machine. */
  readonly url: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** A network of its own for each transport to the server. */
export function rigOn(postgres: Server): Rig {
  const proxies = new Map<Transport, Proxy>();
  const subscribers = new Map<Transport, readonly Subscriber[]>();
  const all = (change: (proxy: Proxy) => Promise<void>) => Promise.all([...proxies.values()].map(change));
  return {
    async connect(options) {
      const { proxy, url } = await startProxyTo(postgres.url);
      const transport = createPostgresTransport({ url, answerTimeoutMs: 3_000 }, options);
      proxies.set(transport, proxy);
      subscribers.set(transport, noted(transport));
      return transport;
    },
    kill: () => postgres.kill(),
    restart: () => postgres.restart(),
    network: {
      cut: async () => void (await all((proxy) => proxy.cut())),
      hang: async () => void (await all((proxy) => proxy.hang())),
      slow: async (latencyMs) => void (await all((proxy) => proxy.slow(latencyMs))),
      restore: async () => void (await all((proxy) => proxy.restore())),
    },
    async crash(transport) {
      await proxies.get(transport)?.cut();
      proxies.delete(transport);
      for (const subscriber of subscribers.get(transport) ?? []) void subscriber.close();
    },
    async dispose() {
      await all((proxy) => proxy.close());
      await postgres.stop();
    },
  };
}

/** The subscribers that the transport hands out from now on: a crashed one's go on trying to reconnect until they are closed. */
function noted(transport: Transport): readonly Subscriber[] {
  const all: Subscriber[] = [];
  const open = transport.subscriber.bind(transport);
  transport.subscriber = async () => {
    const subscriber = await open();
    all.push(subscriber);
    return subscriber;
  };
  return all;
}
