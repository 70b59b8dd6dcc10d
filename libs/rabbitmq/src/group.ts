import type { ChannelModel } from 'amqplib';
import { setTimeout as pause } from 'node:timers/promises';
import { GroupExists, type Subscription, type TransportLog } from '#libs/messaging';
import { closeChannel } from './close-channel.js';
import { toAmqp } from './headers.js';
import { history, type Start, type Stored } from './history.js';
import type { Link } from './link.js';
import { SLOTS, queueOf, slotlessOf, unfinishedOf } from './names.js';
import type { Settings } from './settings.js';
import {
  LOCK,
  alone,
  assertQueues,
  assertRoutes,
  assertService,
  assertSorter,
  bindToEvents,
  exists,
  hasExchange,
  oldEnough,
  onChannel,
} from './topology.js';

const BATCH = 200;
/** Rounds of copying what was stored during the round before. */
const MOST_ROUNDS = 20;
/** How long the way to the broker may be away when a creation has failed. */
const AWAY_MS = 30_000;

export interface GroupOptions {
  readonly settings: Settings;
  readonly log: TransportLog;
}

/**
 * Exchange and queues of a group that begins in the past. First the stream is copied into the queues, round by round, until a round finds nothing new; then they
 * are bound to what is published; then what was stored between the last round and the binding is copied, too. So nothing is lost, and on a store at rest for
 * some milliseconds nothing is doubled. What was stored in the very moment of the binding may come twice, and ahead of its predecessor of that moment.
 * So long an exchange `….unfinished` sorts all that; the group's own comes last. Bound side by side they double nothing: the broker routes a message to a queue once.
 * A group is finished where its own exchange is there, whatever else is. Where only `….unfinished` is there it is not: no process begins with it, and the next creation
 * takes it away and begins anew. Whoever begins with a group deletes an `….unfinished` left beside its own exchange: where neither is there, its queues are kept as they are.
 * After a rejection nothing of it is left, or the error says so.
 * The link is for this creation alone.
 * @throws GroupExists
 */
export async function createGroup(
  link: Link,
  subscription: Subscription,
  from: Date,
  options: GroupOptions,
): Promise<number> {
  const { service } = subscription;
  const { settings } = options;
  const connection = await link.connection();
  const filled: { copied?: number } = {};
  try {
    return await alone(connection, lockOf(service), async () => {
      await begin(connection, subscription, settings);
      filled.copied = await fill(connection, subscription, from, { ...options, place: link.place });
      await finish(connection, subscription, settings);
      return filled.copied;
    });
  } catch (error) {
    if (error instanceof GroupExists) throw error;
    const stood = await standsSoon(link, service);
    // The broker was done with it, and only its answer was lost.
    if (stood && filled.copied !== undefined) return filled.copied;
    if (stood !== undefined) throw error;
    throw new Error(
      `the creation of the group ${service} at ${link.place} was broken off (${String(error)}), and it may be in another creation by now: ` +
        `create it again; to be rid of it, where nobody creates it, delete the queues ${queueOf(service, 0)} to ` +
        `${queueOf(service, settings.lanes - 1)} and the exchanges ${service}, ${slotlessOf(service, settings.lanes)} and ${unfinishedOf(service)}`,
      { cause: error },
    );
  }
}

/** Makes what stands for the group, then its queues, while nobody else sets anything up. */
async function begin(connection: ChannelModel, subscription: Subscription, settings: Settings): Promise<void> {
  const { service } = subscription;
  await alone(connection, LOCK, async () => {
    if (await stands(connection, service)) throw new GroupExists(service);
    await onChannel(connection, async (channel) => {
      await assertSorter(channel, unfinishedOf(service), service, settings);
      await assertQueues(channel, service, settings);
    });
    await oldEnough();
  });
}

async function fill(
  connection: ChannelModel,
  subscription: Subscription,
  from: Date,
  { settings, log, place }: GroupOptions & { readonly place: string },
): Promise<number> {
  const { service, sources } = subscription;
  const unfinished = unfinishedOf(service);
  await onChannel(connection, (channel) => assertRoutes(channel, unfinished, service, settings));
  let copied = 0;
  let next: Start = from;
  const copy = async () => {
    const before = copied;
    for await (const part of history(connection, sources, next, BATCH)) {
      await store(connection, unfinished, part.deliveries);
      copied += part.deliveries.length;
      next = part.next;
    }
    return copied - before;
  };
  for (let round = 1; (await copy()) > 0 && round < MOST_ROUNDS; round++);
  await onChannel(connection, (channel) => bindToEvents(channel, unfinished, subscription));
  const atSeam = await copy();
  if (atSeam > 0) {
    const line = `${service} begins amid traffic: up to ${atSeam} messages of this moment may come to it twice, or out of order`;
    log.warn({ event: 'group_seam', service, messages: atSeam, broker: place }, line);
  }
  return copied;
}

async function finish(connection: ChannelModel, subscription: Subscription, settings: Settings): Promise<void> {
  await onChannel(connection, async (channel) => {
    await assertService(channel, subscription, settings);
    await channel.deleteExchange(unfinishedOf(subscription.service));
  });
}

/** Resolves once the broker has them. */
async function store(connection: ChannelModel, exchange: string, messages: readonly Stored[]): Promise<void> {
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  try {
    for (const message of messages) channel.publish(exchange, message.routingKey, message.body, toAmqp(message));
    await channel.waitForConfirms();
  } finally {
    await closeChannel(channel).catch(() => {});
  }
}

/** The same as `stands`; undefined where the broker does not answer that long. */
async function standsSoon(link: Link, service: string): Promise<boolean | undefined> {
  const asking = async () => {
    for (;;) {
      const connection = await link.connection();
      try {
        return await alone(connection, lockOf(service), () => stands(connection, service));
      } catch (error) {
        if (link.isUp(connection)) throw error;
      }
    }
  };
  return Promise.race([asking().catch(() => undefined), pause(AWAY_MS, undefined, { ref: false })]);
}

/** Whether there is the group, once what is unfinished of it is taken away. */
async function stands(connection: ChannelModel, service: string): Promise<boolean> {
  if (await hasExchange(connection, service)) return true;
  if (!(await hasExchange(connection, unfinishedOf(service)))) return exists(connection, queueOf(service, 0));
  await onChannel(connection, async (channel) => {
    // Whatever number of lanes it has.
    for (let lane = 0; lane < SLOTS; lane++) {
      await channel.deleteExchange(slotlessOf(service, lane + 1));
      await channel.deleteQueue(queueOf(service, lane));
    }
    // What stands for the group goes last, so that this, too, may be broken off.
    await channel.deleteExchange(unfinishedOf(service));
  });
  return false;
}

function lockOf(service: string): string {
  return `${service}.setup`;
}
