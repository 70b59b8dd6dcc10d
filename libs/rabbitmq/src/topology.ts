import type { Channel, ChannelModel, Options } from 'amqplib';
import { setTimeout as pause } from 'node:timers/promises';
import type { Subscription } from '#libs/messaging';
import { closeChannel } from './close-channel.js';
import { EVENTS, LOG, queueOf, slotlessOf, slotsOf, unfinishedOf } from './names.js';
import { RabbitRefused, TopologyMismatch, explained } from './refusals.js';
import type { Settings } from './settings.js';

/**
 * RabbitMQ 4.0 writes down which quorum queues it has twice a second. Killed before that, it loses a new queue with all
 * that was confirmed, and what is left of it after the restart answers nobody. So nobody here uses one before it is old enough.
 */
const OLD_ENOUGH_MS = 1_000;
/** A batch may be rejected so long before the broker ends the channel, which counts as a return of all it held. Its default is half an hour. */
const HELD_FOR_MS = 7 * 24 * 3_600_000;
/** Exclusive to the connection that makes queues at the moment; gone with it. */
export const LOCK = 'events.setup';
/** Each refusal costs the broker a channel and a line in its log, while it makes the queues. */
const RETRY_MS = 300;

/**
 * Sets up exchanges, queues and bindings of all services, or finds them there. Safe to repeat and to run in several
 * processes at once: a service's exchange tells that its queues may be used.
 * @throws TopologyMismatch where something exists with other arguments
 * @throws RabbitRefused where one of them is a group that is not finished; no service is set up then
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
    const assertAll = () =>
      Promise.all(
        services.map((service) => onChannel(connection, (channel) => assertService(channel, service, settings))),
      );
    const make = async () => {
      // Somebody may have made them meanwhile, or begun to create one as a group.
      const missing = await missingOf(connection, services);
      if (missing.length === 0) return false;
      await refuseUnfinished(connection, missing, place);
      await onChannel(connection, async (channel) => {
        for (const { service } of missing) await assertQueues(channel, service, settings);
      });
      await oldEnough();
      await assertAll();
      return true;
    };
    const incomplete = (await missingOf(connection, services)).length > 0;
    const made = incomplete && (await alone(connection, LOCK, make));
    if (!made) await assertAll();
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

/** Queues and routes of a service, and what it reacts to bound to them. */
export async function assertService(channel: Channel, subscription: Subscription, settings: Settings): Promise<void> {
  const { service } = subscription;
  await assertQueues(channel, service, settings);
  // Bound last: whoever routes to the service finds all its queues. The broker does in order what comes on one channel.
  await Promise.all([assertRoutes(channel, service, service, settings), bindToEvents(channel, service, subscription)]);
}

/** One after the other: where the disk hangs, the broker gives up a queue that does not come up, and with it all calls of the connection. */
export async function assertQueues(channel: Channel, service: string, { lanes }: Settings): Promise<void> {
  for (let lane = 0; lane < lanes; lane++) await channel.assertQueue(queueOf(service, lane), laneQueue);
}

/** An exchange that sorts a service's messages into lanes. */
export async function assertSorter(
  channel: Channel,
  exchange: string,
  service: string,
  { lanes }: Settings,
): Promise<void> {
  await channel.assertExchange(exchange, 'direct', {
    durable: true,
    alternateExchange: slotlessOf(service, lanes),
  });
}

/** Such an exchange and what leads from it to the queues; nothing is routed to it yet. */
export async function assertRoutes(
  channel: Channel,
  exchange: string,
  service: string,
  settings: Settings,
): Promise<void> {
  const { lanes } = settings;
  const slotless = slotlessOf(service, lanes);
  await Promise.all([
    assertSorter(channel, exchange, service, settings),
    channel.assertExchange(slotless, 'fanout', { durable: true }),
    ...Array.from({ length: lanes }, (_, lane) =>
      slotsOf(lane, lanes).map((slot) => channel.bindQueue(queueOf(service, lane), exchange, slot)),
    ).flat(),
    channel.bindQueue(queueOf(service, 0), slotless, ''),
  ]);
}

/** Those that nobody has finished setting up. */
async function missingOf(connection: ChannelModel, services: readonly Subscription[]): Promise<Subscription[]> {
  const found = await Promise.all(services.map(({ service }) => hasExchange(connection, service)));
  return services.filter((_, n) => !found[n]);
}

/** One connection at a time, of all processes. */
export async function alone<T>(connection: ChannelModel, lock: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      await onChannel(connection, (channel) => channel.assertQueue(lock, { exclusive: true, durable: false }));
      break;
    } catch (error) {
      if ((error as { code?: number }).code !== 405) throw error;
      await pause(RETRY_MS);
    }
  }
  try {
    return await work();
  } finally {
    await onChannel(connection, (channel) => channel.deleteQueue(lock)).catch(() => {});
  }
}

export async function bindToEvents(channel: Channel, exchange: string, { sources }: Subscription): Promise<void> {
  const types = new Set(sources.map(({ type }) => type));
  await Promise.all([...types].map((type) => channel.bindExchange(exchange, EVENTS, type)));
}

/** Resolves once queues made just now survive a kill of the broker. */
export async function oldEnough(): Promise<void> {
  await pause(OLD_ENOUGH_MS);
}

/** Gives nothing up by itself: whoever reads it sets aside what came back too often. */
const laneQueue: Options.AssertQueue = {
  durable: true,
  arguments: {
    'x-queue-type': 'quorum',
    'x-single-active-consumer': true,
    'x-delivery-limit': -1,
    'x-consumer-timeout': HELD_FOR_MS,
  },
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

/** Half a group would begin with a part of its history. */
async function refuseUnfinished(
  connection: ChannelModel,
  services: readonly Subscription[],
  place: string,
): Promise<void> {
  const found = await Promise.all(services.map(({ service }) => hasExchange(connection, unfinishedOf(service))));
  const unfinished = services.find((_, n) => found[n]);
  if (unfinished)
    throw new RabbitRefused(
      `the group ${unfinished.service} at ${place} is being created, or its creation was broken off: wait for it, or create it again`,
    );
}

export function hasExchange(connection: ChannelModel, exchange: string): Promise<boolean> {
  return isThere(connection, (channel) => channel.checkExchange(exchange));
}

export function exists(connection: ChannelModel, queue: string): Promise<boolean> {
  return isThere(connection, (channel) => channel.checkQueue(queue));
}

function isThere(connection: ChannelModel, check: (channel: Channel) => Promise<unknown>): Promise<boolean> {
  return onChannel(connection, check).then(
    () => true,
    (error: { code?: number }) => {
      if (error.code === 404) return false;
      throw error;
    },
  );
}
