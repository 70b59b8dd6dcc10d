import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { Transform } from 'node:stream';
import type { Network } from './rig.js';

/** A network of our own between a transport and its store, on a local port. */
export interface Proxy extends Network {
  readonly port: number;
  close(): Promise<void>;
}

type Link = readonly [client: Socket, server: Socket];

/** Forwards connections on a free port of 127.0.0.1 to that port, until told to cut, hang or slow them. */
export async function startProxy(port: number): Promise<Proxy> {
  const links = new Set<Link>();
  let state: 'open' | 'cut' | 'hang' = 'open';
  let latencyMs = 0;

  const server = createServer({ noDelay: true }, (client) => {
    if (state === 'cut') return void client.resetAndDestroy();
    const link: Link = [client, connect({ host: '127.0.0.1', port, noDelay: true })];
    links.add(link);
    for (const [from, to] of [link, link.toReversed()] as [Socket, Socket][]) {
      if (from === client) from.pipe(to);
      else from.pipe(late(() => latencyMs)).pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => (state === 'hang' ? undefined : end(link)));
    }
    if (state === 'hang') stop(link);
  });
  const end = (link: Link) => {
    links.delete(link);
    for (const socket of link) socket.destroy();
  };
  const cut = async () => {
    state = 'cut';
    for (const [client, toServer] of links) {
      client.resetAndDestroy();
      toServer.destroy();
    }
    links.clear();
  };

  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    async hang() {
      state = 'hang';
      for (const link of links) stop(link);
    },
    async slow(ms) {
      latencyMs = ms;
    },
    async restore() {
      latencyMs = 0;
      // As after a long outage: what was stuck is lost, and both ends learn it now.
      if (state === 'hang') await cut();
      state = 'open';
    },
    async close() {
      await cut();
      await new Promise((closed) => server.close(closed));
    },
  };
}

/** The same before a server on this machine; `url` leads there through the proxy. */
export async function startProxyTo(url: string): Promise<{ readonly proxy: Proxy; readonly url: string }> {
  const through = new URL(url);
  const proxy = await startProxy(Number(through.port));
  through.host = `127.0.0.1:${proxy.port}`;
  return { proxy, url: through.href };
}

/** One piece after the other: a long answer is later than a link of that latency would have it. */
function late(latencyMs: () => number): Transform {
  return new Transform({
    transform(chunk, _, done) {
      if (latencyMs() === 0) done(null, chunk);
      else setTimeout(done, latencyMs(), null, chunk);
    },
  });
}

function stop(link: Link): void {
  for (const socket of link) {
    socket.unpipe();
    socket.pause();
  }
}
