import type { ChannelModel } from 'amqplib';
import { loginOf, parseUrl, type Settings } from './settings.js';
import { onChannel } from './topology.js';

/** Messages per queue that are waiting: AMQP does not tell how many are held by consumers. */
export function readyIn(connection: ChannelModel, queues: readonly string[]): Promise<number[]> {
  return onChannel(connection, (channel) =>
    Promise.all(queues.map(async (queue) => (await channel.checkQueue(queue)).messageCount)),
  );
}

/**
 * Messages per queue, waiting or held by whichever consumer, as the management plugin knows them: up to five seconds old.
 * User and password are those of its url, or else those of the broker's.
 */
export async function unsettledIn(
  managementUrl: string,
  settings: Settings,
  queues: readonly string[],
): Promise<number[]> {
  const [management, broker] = [new URL(managementUrl), parseUrl(settings.url)];
  const login = loginOf(management.username ? management : broker).join(':');
  const vhost = broker.pathname.slice(1) || '%2F';
  const base = `${management.origin}${management.pathname.replace(/\/$/, '')}`;
  const answer = await fetch(
    `${base}/api/queues/${vhost}?columns=name,messages&disable_stats=true&enable_queue_totals=true`,
    {
      headers: {
        authorization: `Basic ${Buffer.from(login).toString('base64')}`,
      },
      signal: AbortSignal.timeout(5_000),
    },
  );
  if (!answer.ok)
    throw new Error(`RabbitMQ's management at ${management.host} answers ${answer.status} ${answer.statusText}`);
  const found = (await answer.json()) as { name: string; messages?: number }[];
  const byName = new Map(found.map(({ name, messages }) => [name, messages ?? 0]));
  return queues.map((queue) => byName.get(queue) ?? 0);
}
