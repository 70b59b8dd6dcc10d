import type { Channel } from 'amqplib';

/**
 * Resolves once the channel has ended, whoever ended it; rejects where it had ended before. amqplib's own `close` never
 * settles when the connection is lost before the broker answers.
 */
export async function closeChannel(channel: Channel): Promise<void> {
  const ended = new Promise<void>((resolve) => channel.once('close', resolve));
  await Promise.race([channel.close(), ended]);
}
