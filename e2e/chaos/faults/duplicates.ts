import { choreography } from '#libs/contracts';
import { createKafkaTransport } from '#libs/kafka';
import type { Delivery, Transport, TransportOptions } from '#libs/messaging';
import { within } from '#libs/messaging/testing';
import { createPostgresTransport } from '#libs/postgres';
import { createRabbitTransport } from '#libs/rabbitmq';
import type { Arena } from '../arena.js';
import type { Fault } from '../scenario.js';
import { nothingToUndo, type Undo } from './undo.js';

const TRY_FOR_MS = 20_000;
/** One try may fail for another fault that is there meanwhile. */
const TRIES = 3;
/** What is read in order to find the last messages. */
const LAST_MS = 30_000;

/** Every service gets these messages a second time from the store itself, in their order, as from a relay that crashed before it noted the confirms. */
export async function publishAgain(
  { count }: Extract<Fault, { kind: 'duplicates' }>,
  { world, store }: Arena,
): Promise<Undo> {
  const { env } = world.platform.processes.find(({ plan }) => plan.app === 'order')!.plan;
  for (let left = TRIES - 1; ; left--) {
    const transport = await transportOf(store.name, env);
    try {
      await within(TRY_FOR_MS, 'messages published again', publishLast(transport, count));
      return nothingToUndo;
    } catch (error) {
      if (left === 0) throw error;
    } finally {
      await transport.close();
    }
  }
}

async function publishLast(transport: Transport, count: number): Promise<void> {
  const last: Delivery[] = [];
  const sources = choreography.flatMap((subscription) => subscription.sources);
  for await (const batch of transport.history(sources, new Date(Date.now() - LAST_MS))) last.push(...batch);
  const publisher = await transport.publisher();
  try {
    await publisher.publish(last.slice(-count));
  } finally {
    await publisher.close();
  }
}

async function transportOf(name: Arena['store']['name'], env: NodeJS.ProcessEnv): Promise<Transport> {
  switch (name) {
    case 'postgres':
      return createPostgresTransport({ url: env['LOG_DATABASE_URL']! }, OPTIONS);
    case 'rabbitmq':
      return createRabbitTransport({ url: env['RABBITMQ_URL']! }, OPTIONS);
    case 'kafka':
      return createKafkaTransport({ brokers: env['KAFKA_BROKERS']!.split(',') }, OPTIONS);
  }
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const OPTIONS: TransportOptions = { topology: choreography, maxBatch: 500, instance: 'chaos', log: silent };
