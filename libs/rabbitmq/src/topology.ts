import type { Channel, ChannelModel, Options } from 'amqplib';
import { setTimeout as pause } from 'node:timers/promises';
import type { Subscription } from '#libs/messaging';
import { closeChannel } from './close-channel.js';
import { DEAD, EVENTS, LOG, deadQueueOf, queueOf, slotlessOf, slotsOf } from './names.js';
import { TopologyMismatch, explained } from './refusals.js';
import type { Settings } from './settings.js';

/**
 * RabbitMQ 4.0 writes down which quorum queues it has twice a second. Killed before that, it loses a new queue with all
 * that was confirmed, and what is left of it after the restart answers nobody. So nobody here uses one before it is old enough.
 */
const OLD_ENOUGH_MS = 1_000;
/** By broker: when all queues created by this process are old enough. */
const safeFrom = new Map<string, number>();

/**
 * Sets up exchanges, queues and bindings of all services, or finds them there. Safe to repeat and to run in several
 * processes at once.
 * @throws TopologyMismatch where something exists with other arguments
 */
export async function assertTopology(
  connection: ChannelModel,
  services: readonly Subscription[],
  settings: Settings,
  place: string,
): Promise<void> {
  try {
    await onChannel(connection, (channel) => assertShared(channel, settings));
    // A channel each: the calls of one channel wait for one another.
    await Promise.all(
      services.map(async (service) => {
        const last = queueOf(service.service, settings.lanes - 1);
        const isNew = !(await exists(connection, last));
        // Twice, since others in this process may find it while the rest is being made.
        if (isNew) safeFrom.set(place, Date.now() + OLD_ENOUGH_MS);
        await onChannel(connection, (channel) => assertService(channel, service, settings));
        if (isNew) safeFrom.set(place, Date.now() + OLD_ENOUGH_MS);
      }),
    );
    await pause(Math.max(0, (safeFrom.get(place) ?? 0) - Date.now()));
  } catch (error) {
    throw explained(error, place);
  }
}

/** Does something on a channel of its own, since the broker closes a channel on each error. */
export async function onChannel<T>(connection: ChannelModel, work: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await connection.createChannel();
  let refusal: Error | undefined;
  channel.on('error', (error) => (refusal = error));
  try {
    const result = await work(channel);
    await closeChannel(channel);
    return result;
  } catch (error) {
    // The broker's reason comes in an event as well; calls behind the one it refused fail with something vaguer.
    await new Promise((resume) => setImmediate(resume));
    throw refusal ?? error;
  }
}

async function assertShared(channel: Channel, { retention }: Settings): Promise<void> {
  await Promise.all([
    channel.assertExchange(EVENTS, 'topic', { durable: true }),
    channel.assertExchange(DEAD, 'direct', { durable: true }),
    channel.assertQueue(LOG, {
      durable: true,
      arguments: {
        'x-queue-type': 'stream',
        'x-max-age': retention,
        // Whole segments are dropped: the default of 500 MB would keep a quiet system's events far beyond their age.
        'x-stream-max-segment-size-bytes': 100_000_000,
      },
    }),
    channel.bindQueue(LOG, EVENTS, '#'),
  ]);
}

async function assertService(channel: Channel, subscription: Subscription, settings: Settings): Promise<void> {
  // Bound last: whoever routes to the service finds all its queues. The broker does in order what comes on one channel.
  await Promise.all([assertQueues(channel, subscription.service, settings), bindToEvents(channel, subscription)]);
}

/** A service's exchange and queues, to which nothing is routed yet. */
export async function assertQueues(channel: Channel, service: string, settings: Settings): Promise<void> {
  const lanes = Array.from({ length: settings.lanes }, (_, lane) => queueOf(service, lane));
  const slotless = slotlessOf(service, settings.lanes);
  await Promise.all([
    channel.assertQueue(deadQueueOf(service), deadQueue),
    channel.bindQueue(deadQueueOf(service), DEAD, service),
    channel.assertExchange(service, 'direct', { durable: true, alternateExchange: slotless }),
    channel.assertExchange(slotless, 'fanout', { durable: true }),
    ...lanes.map((queue) => channel.assertQueue(queue, laneQueue(service, settings))),
    ...lanes.flatMap((queue, lane) =>
      slotsOf(lane, settings.lanes).map((slot) => channel.bindQueue(queue, service, slot)),
    ),
    channel.bindQueue(queueOf(service, 0), slotless, ''),
  ]);
}

export async function bindToEvents(channel: Channel, { service, sources }: Subscription): Promise<void> {
  const types = new Set(sources.map(({ type }) => type));
  await Promise.all([...types].map((type) => channel.bindExchange(service, EVENTS, type)));
}

/** Resolves once queues made just now survive a kill of the broker. */
export async function oldEnough(): Promise<void> {
  await pause(OLD_ENOUGH_MS);
}

function laneQueue(service: string, { deliveryLimit }: Settings): Options.AssertQueue {
  return {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-single-active-consumer': true,
      'x-delivery-limit': deliveryLimit,
      'x-dead-letter-exchange': DEAD,
      'x-dead-letter-routing-key': service,
      'x-dead-letter-strategy': 'at-least-once',
      // At-least-once asks for it; without a maximum length nothing is ever refused.
      'x-overflow': 'reject-publish',
    },
  };
}

/** Without a limit: looking at dead letters in the management UI gives them back each time, and the last time drops them. */
const deadQueue: Options.AssertQueue = {
  durable: true,
  arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': -1 },
};

/** Fewer lanes than before would leave the keys of the others unread, silently. */
export async function refuseForgottenLanes(
  connection: ChannelModel,
  service: string,
  { lanes }: Settings,
  place: string,
): Promise<void> {
  const next = queueOf(service, lanes);
  if (await exists(connection, next))
    throw new TopologyMismatch(
      `the queue ${next} at ${place} exists, but this service is set to ${lanes} lanes and would never read it; ` +
        'set the lanes as they were, or stop its services, let the queue run empty and delete it',
    );
}

export function exists(connection: ChannelModel, queue: string): Promise<boolean> {
  return onChannel(connection, (channel) => channel.checkQueue(queue)).then(
    () => true,
    (error: { code?: number }) => {
      if (error.code === 404) return false;
      throw error;
    },
  );
}
