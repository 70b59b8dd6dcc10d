import type { ChannelModel } from 'amqplib';
import { GroupExists, type Delivery, type Subscription, type TransportLog } from '#libs/messaging';
import { closeChannel } from './close-channel.js';
import { toAmqp } from './headers.js';
import { history, type Start } from './history.js';
import { queueOf, slotlessOf } from './names.js';
import type { Settings } from './settings.js';
import { assertQueues, assertRoutes, bindToEvents, exists, oldEnough, onChannel } from './topology.js';

const BATCH = 200;
/** Rounds of copying what was stored during the round before. */
const MOST_ROUNDS = 20;

export interface GroupOptions {
  readonly settings: Settings;
  readonly place: string;
  readonly log: TransportLog;
}

/**
 * Exchange and queues of a group that begins in the past. First the stream is copied into the queues, round by round, until a round finds nothing new; then they
 * are bound to what is published; then what was stored between the last round and the binding is copied, too. So nothing is lost, and on a store at rest for
 * some milliseconds nothing is doubled. What was stored in the very moment of the binding may come twice, and ahead of its predecessor of that moment.
 * @throws GroupExists
 */
export async function createGroup(
  connection: ChannelModel,
  subscription: Subscription,
  from: Date,
  options: GroupOptions,
): Promise<number> {
  const { service, sources } = subscription;
  const { settings, place, log } = options;
  if (await exists(connection, queueOf(service, 0))) throw new GroupExists(service);
  try {
    await onChannel(connection, (channel) => assertQueues(channel, service, settings));
    await oldEnough();
    await onChannel(connection, (channel) => assertRoutes(channel, service, settings));
    let copied = 0;
    let next: Start = from;
    const copy = async () => {
      const before = copied;
      for await (const part of history(connection, sources, next, BATCH)) {
        await store(connection, service, part.deliveries);
        copied += part.deliveries.length;
        next = part.next;
      }
      return copied - before;
    };
    for (let round = 1; (await copy()) > 0 && round < MOST_ROUNDS; round++);
    await onChannel(connection, (channel) => bindToEvents(channel, subscription));
    const atSeam = await copy();
    if (atSeam > 0) {
      const line = `${service} begins amid traffic: up to ${atSeam} messages of this moment may come to it twice, or out of order`;
      log.warn({ event: 'group_seam', service, messages: atSeam, broker: place }, line);
    }
    return copied;
  } catch (error) {
    await remove(connection, service, settings).catch(() => {});
    throw error;
  }
}

/** Resolves once the broker has them. */
async function store(connection: ChannelModel, exchange: string, deliveries: readonly Delivery[]): Promise<void> {
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  for (const delivery of deliveries) channel.publish(exchange, delivery.type, delivery.body, toAmqp(delivery));
  await channel.waitForConfirms();
  await closeChannel(channel);
}

/** Half a group would be taken for one. */
async function remove(connection: ChannelModel, service: string, { lanes }: Settings): Promise<void> {
  await onChannel(connection, async (channel) => {
    await channel.deleteExchange(service);
    await channel.deleteExchange(slotlessOf(service, lanes));
    for (let lane = 0; lane < lanes; lane++) await channel.deleteQueue(queueOf(service, lane));
  });
}
