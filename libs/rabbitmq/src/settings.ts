import { readFile } from 'node:fs/promises';
import { credentials, type SocketOptions } from 'amqplib';
import { SLOTS } from './names.js';

export interface RabbitSettings {
  /** `amqp://user:password@host:5672/vhost`, or `amqps://…`; never logged as a whole. */
  readonly url: string;
  /** Files in PEM format, read at each connect, so that a renewed certificate is taken without a restart. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** Queues per service: how many keys can be handled side by side; 32 at most, and the same for all who publish to it. To change it, drain first. */
  readonly lanes?: number;
  /** Deliveries that a lane holds unsettled, at most; at least one batch all the same, and never more than four. */
  readonly prefetch?: number;
  /** A message that went back unsettled so often (connection lost, process killed) is handed over as given up. */
  readonly deliveryLimit?: number;
  /** Messages sent and not yet confirmed, at most; what exceeds it waits its turn. */
  readonly maxUnconfirmed?: number;
  /** A publish rejects when it is not confirmed this long after it was sent, or not sent while nothing is confirmed this long. Milliseconds. */
  readonly publishTimeoutMs?: number;
  /** What the broker accepts as one message; a larger one is refused here, since the broker would close the channel. */
  readonly maxMessageBytes?: number;
  /** A connection silent for two to three of these is given up, on both sides. Seconds. */
  readonly heartbeatSeconds?: number;
  /** How long `events.log` keeps everything, as RabbitMQ writes it: `7D`, `12h`. */
  readonly retention?: string;
  /** `http://host:15672` of the management plugin: with it `backlog()` counts what other replicas hold, too. */
  readonly managementUrl?: string;
}

export type Settings = Required<Omit<RabbitSettings, 'tls' | 'managementUrl'>> & RabbitSettings;

export function withDefaults(given: RabbitSettings): Settings {
  const settings = {
    lanes: 4,
    prefetch: 200,
    deliveryLimit: 20,
    maxUnconfirmed: 2_000,
    publishTimeoutMs: 10_000,
    maxMessageBytes: 16 * 1024 * 1024,
    heartbeatSeconds: 5,
    retention: '7D',
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as RabbitSettings),
  };
  loginOf(parseUrl(settings.url));
  const { lanes } = settings;
  if (!Number.isInteger(lanes) || lanes < 1 || lanes > SLOTS)
    throw new Error(`lanes of RabbitMQ is a whole number from 1 to ${SLOTS}, not ${lanes}`);
  return settings;
}

/** Host, port and virtual host: all of the url that may be shown. */
export function placeOf(settings: RabbitSettings): string {
  const { protocol, hostname, port, pathname } = parseUrl(settings.url);
  return `${hostname}:${port || (protocol === 'amqps:' ? 5671 : 5672)}${pathname.length > 1 ? pathname : ''}`;
}

export function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['amqp:', 'amqps:'].includes(url.protocol) && url.hostname) return url;
  throw new Error('the url of RabbitMQ does not read as amqp://user:password@host:5672/vhost, or amqps://…');
}

/** User and password of a url, `guest` where it has none. */
export function loginOf({ username, password }: URL): [user: string, password: string] {
  try {
    return [decodeURIComponent(username || 'guest'), decodeURIComponent(password || 'guest')];
  } catch {
    throw new Error('user or password in the url of RabbitMQ is not percent-encoded: a % is written %25');
  }
}

/** What amqplib's connect takes. */
export async function connectArguments(settings: Settings, name: string): Promise<[string, SocketOptions]> {
  const url = parseUrl(settings.url);
  if (!url.searchParams.has('heartbeat')) url.searchParams.set('heartbeat', String(settings.heartbeatSeconds));
  const { caFile, certFile, keyFile } = settings.tls ?? {};
  return [
    url.href,
    {
      noDelay: true,
      timeout: 5_000,
      // Those of the url it would read as Latin-1.
      credentials: credentials.plain(...loginOf(url)),
      clientProperties: { connection_name: name },
      ...(caFile ? { ca: await readFile(caFile) } : {}),
      ...(certFile ? { cert: await readFile(certFile) } : {}),
      ...(keyFile ? { key: await readFile(keyFile) } : {}),
    },
  ];
}
