import { setTimeout as pause } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import type { Client } from 'pg';
import { pino } from 'pino';
import type { QueryRunner } from 'typeorm';
import { choreography } from '#libs/contracts';
import { MessagingMetrics, systemOf, type OutgoingMessage, type Publisher, type Transport } from '#libs/messaging';
import { CreateOutbox1700000000001, INSERT, Relay, valuesOf } from '#libs/outbox';
import type { Store } from '../../e2e/stores.js';
import { connect, withPostgres } from '../database.js';
import { bareKafka, bareRabbit, type BareClient } from '../load/bare-clients.js';
import { orderPlaced, outgoing } from '../load/orders.js';
import { buildPeers } from '../load/peers.js';
import type { Options } from '../options.js';
import { type Estimate, estimate, mean } from '../statistics.js';
import { stores } from '../stores.js';
import { say } from './run.js';
import { transactionalOutbox, type Way } from './transactional-outbox.js';

export interface RelayFound {
  readonly rows: number;
  /** Outbox rows per second, from their commit until the broker has confirmed the last one. */
  readonly relay: Estimate;
  /** The client alone, with the same messages in memory. */
  readonly bare: Estimate;
  readonly ratio: Estimate;
  /** Outbox rows per second of pg-transactional-outbox to the same broker, by its way of listening. */
  readonly usual: Readonly<Record<Way, Estimate>>;
}

const ROWS_PER_SECOND_OF_RUN = 2_000;
const LANES = 4;
/** The listener of pg-transactional-outbox reads the write-ahead log. */
const READABLE_LOG = { wal_level: 'logical' };

/** How much of what the broker's client can do is left when the messages come from an outbox. */
export async function relay(options: Omit<Options, 'concurrency' | 'batch' | 'profile'>): Promise<RelayFound> {
  if (options.store === 'postgres')
    throw new InvalidArgumentError('on postgres the log itself is the store: choose --store rabbitmq or kafka');
  buildPeers();
  const rows = options.seconds * ROWS_PER_SECOND_OF_RUN;
  return withPostgres(async (createDatabase, start) => {
    const store = await start(stores[options.store], (started) => started.stop());
    const url = await createDatabase('relay');
    const writer = await start(
      () => connect(url),
      (client) => client.end(),
    );
    await new CreateOutbox1700000000001().up({
      query: (text: string) => writer.query(text),
    } as unknown as QueryRunner);
    const transport = await start(() => open(store), close);
    const bare = await start(() => bareOf(store), close);
    const publisher = await start(async () => new Counted(await transport.publisher()), close);
    await start(
      async () => startRelay(url, publisher, transport, options.logLevel),
      (working) => working.stop(),
    );
    const runRelay = async () => (rows / (await relayed(writer, publisher, batch(rows)))) * 1000;
    const runBare = async () => {
      const messages = batch(rows);
      const began = performance.now();
      await bare.publish(messages);
      return (rows / (performance.now() - began)) * 1000;
    };
    await runRelay();
    await runBare();
    const all: { relay: number[]; bare: number[] }[] = [];
    for (let n = 0; n < options.repetitions; n++) {
      await bare.empty();
      const first = await runRelay();
      const bares = [await runBare(), await runBare()];
      all.push({ relay: [first, await runRelay()], bare: bares });
      say(`  ${n + 1}: relay ${mean(all[n]!.relay).toFixed(0)}/s, bare ${mean(bares).toFixed(0)}/s`);
    }
    return {
      rows,
      relay: estimate(all.flatMap((one) => one.relay)),
      bare: estimate(all.flatMap((one) => one.bare)),
      ratio: estimate(all.map((one) => mean(one.relay) / mean(one.bare))),
      usual: await transactionalOutbox(store.env, createDatabase, start),
    };
  }, READABLE_LOG);
}

function startRelay(url: string, publisher: Publisher, { name }: Transport, logLevel: string): Relay {
  const system = systemOf(name);
  const relaying = new Relay({
    url,
    publisher,
    // Lines leave together, as a service's do.
    log: pino({ level: logLevel }, pino.destination({ dest: '/dev/null', sync: false, minLength: 4_096 })),
    metrics: new MessagingMetrics(system, 'order'),
    system,
  });
  relaying.start();
  return relaying;
}

function close(opened: { close(): Promise<void> }): Promise<void> {
  return opened.close();
}

function batch(count: number): OutgoingMessage[] {
  return Array.from({ length: count }, () => outgoing(orderPlaced()));
}

/** Commits the messages as rows; milliseconds from then until all are confirmed. Resolves once the rows are gone. */
async function relayed(client: Client, publisher: Counted, messages: readonly OutgoingMessage[]): Promise<number> {
  await client.query('begin');
  await client.query(INSERT, valuesOf(messages));
  await client.query('notify outbox');
  const confirmed = publisher.after(messages.length);
  const began = performance.now();
  await client.query('commit');
  await confirmed;
  const took = performance.now() - began;
  while ((await client.query('select from outbox limit 1')).rowCount !== 0) await pause(5);
  await client.query('vacuum outbox');
  return took;
}

/** Tells when so many messages are confirmed. */
class Counted implements Publisher {
  private confirmed = 0;
  private wanted = Number.POSITIVE_INFINITY;
  private reached: () => void = () => undefined;

  constructor(private readonly publisher: Publisher) {}

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    await this.publisher.publish(messages);
    this.confirmed += messages.length;
    if (this.confirmed >= this.wanted) this.reached();
  }

  after(messages: number): Promise<void> {
    this.confirmed = 0;
    this.wanted = messages;
    return new Promise((resolve) => (this.reached = resolve));
  }

  close(): Promise<void> {
    return this.publisher.close();
  }
}

async function open({ name, env }: Store): Promise<Transport> {
  const log = pino({ level: 'silent' });
  const options = { topology: choreography, maxBatch: 100, instance: 'bench', log };
  if (name === 'rabbitmq') {
    const { createRabbitTransport } = await import('#libs/rabbitmq');
    return createRabbitTransport({ url: env['RABBITMQ_URL']!, lanes: LANES }, options);
  }
  const { createKafkaTransport } = await import('#libs/kafka');
  return createKafkaTransport({ brokers: env['KAFKA_BROKERS']!.split(','), partitions: LANES }, options);
}

function bareOf({ name, env }: Store): Promise<BareClient> {
  return name === 'rabbitmq' ? bareRabbit(env['RABBITMQ_URL']!, LANES) : bareKafka(env['KAFKA_BROKERS']!.split(','));
}
