import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const keepAliveMs = 60_000;

/**
 * All sockets of one kafkajs client. kafkajs goes on retrying in the background after its caller gave up, and would reconnect
 * to do so; once `cut` is called nothing of that client reaches the broker any more.
 */
export class Connections {
  private readonly open = new Set<Socket>();
  private isCut = false;

  readonly factory: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    if (this.isCut) throw new Error('this client was given up');
    const socket = dial(host, port, ssl, onConnect);
    socket.setKeepAlive(true, keepAliveMs);
    // A commit and a heartbeat share one socket; Nagle would hold the second back for 40 ms.
    socket.setNoDelay(true);
    this.open.add(socket);
    socket.once('close', () => this.open.delete(socket));
    return socket;
  };

  /** Ends every connection as the end of the process would, and refuses new ones. */
  cut(): void {
    this.isCut = true;
    for (const socket of this.open) socket.destroy(new Error('this client was given up'));
  }
}

function dial(host: string, port: number, ssl: ConnectionOptions | undefined, onConnect: () => void): Socket {
  if (!ssl) return connectPlain({ host, port }, onConnect);
  return connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect);
}
