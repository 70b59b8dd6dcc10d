/*
 * How fast pg-transactional-outbox moves committed rows to confirmed messages, on Kafka where there is KAFKA_BROKERS, else on RabbitMQ: `transactional-outbox.js <mode> <rows>`.
 * Both listeners are as its documentation shows them: polling, and `one` by replication, which keeps the order; `all` is the latter with the concurrency of its own that handles all at once.
 */
import { connect } from 'amqplib';
import { Kafka, logLevel } from 'kafkajs';
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import {
  createReplicationFullConcurrencyController,
  createReplicationMutexConcurrencyController,
  DatabaseSetup,
  getDisabledLogger,
  initializeMessageStorage,
  initializePollingMessageListener,
  initializeReplicationMessageListener,
  type DatabasePollingSetupConfig,
  type DatabaseReplicationSetupConfig,
} from 'pg-transactional-outbox';

const [, , mode = 'one', count = '1000'] = process.argv;
const rows = Number(count);
const url = new URL(process.env['DATABASE_URL']!);
const database = url.pathname.slice(1);
const QUEUE = 'peer-outbox';

const names = {
  outboxOrInbox: 'outbox',
  database,
  schema: 'public',
  table: 'outbox',
  listenerRole: url.username,
} as const;
const polling: DatabasePollingSetupConfig = { ...names, nextMessagesName: 'next_outbox_messages' };
const replication: DatabaseReplicationSetupConfig = {
  ...names,
  publication: 'outbox_pub',
  replicationSlot: `slot_${database}`,
};

const client = new Client({ connectionString: url.href });
await client.connect();
await client.query(DatabaseSetup.dropAndCreateTable(names));
if (mode === 'polling') {
  await client.query(DatabaseSetup.createPollingFunction(polling));
  await client.query(DatabaseSetup.setupPollingIndexes(polling));
} else {
  await client.query(`drop publication if exists ${replication.publication}`);
  await client.query(`create publication ${replication.publication} for table public.outbox with (publish = 'insert')`);
  await client.query(`select pg_create_logical_replication_slot('${replication.replicationSlot}', 'pgoutput')`);
}

interface Message {
  readonly id: string;
  readonly payload: unknown;
  readonly segment?: string | undefined;
}

interface Broker {
  /** Resolves once the broker has confirmed the message. */
  publish(message: Message): Promise<void>;
  close(): Promise<void>;
}

const broker = process.env['KAFKA_BROKERS'] ? await kafka(process.env['KAFKA_BROKERS']) : await rabbitmq();
let confirmed = 0;
const done = Promise.withResolvers<void>();
const publisher = {
  handle: async (message: Message) => {
    await broker.publish(message);
    if (++confirmed === rows) done.resolve();
  },
};

const settings = {
  dbSchema: 'public',
  dbTable: 'outbox',
  enableMaxAttemptsProtection: false,
  enablePoisonousMessageProtection: false,
};
const dbListenerConfig = { host: url.hostname, port: Number(url.port), user: url.username, password: 'none', database };
const storage = { outboxOrInbox: 'outbox', dbListenerConfig, settings } as const;
const store = initializeMessageStorage(storage, getDisabledLogger());

await client.query('begin');
for (let n = 0; n < rows; n++) {
  const orderId = randomUUID();
  await store(
    {
      id: randomUUID(),
      aggregateType: 'order',
      aggregateId: orderId,
      messageType: 'order.placed',
      segment: orderId,
      payload: { orderId, customer: { name: 'Ada Lovelace', email: 'ada@example.com' }, totalCents: 1_200 },
    },
    client,
  );
}
await client.query('commit');

const began = performance.now();
const [stop] =
  mode === 'polling'
    ? initializePollingMessageListener(
        {
          ...storage,
          settings: {
            ...settings,
            nextMessagesBatchSize: 5,
            nextMessagesFunctionName: polling.nextMessagesName,
            nextMessagesPollingIntervalInMs: 250,
          },
        },
        publisher,
        getDisabledLogger(),
      )
    : initializeReplicationMessageListener(
        {
          ...storage,
          settings: {
            ...settings,
            dbPublication: replication.publication,
            dbReplicationSlot: replication.replicationSlot,
          },
        },
        publisher,
        getDisabledLogger(),
        {
          concurrencyStrategy:
            mode === 'all'
              ? createReplicationFullConcurrencyController()
              : createReplicationMutexConcurrencyController(),
        },
      );
await done.promise;
const perSecond = (rows * 1000) / (performance.now() - began);
await stop();
await broker.close();
await client.end();
process.send?.(perSecond);
process.disconnect?.();

async function rabbitmq(): Promise<Broker> {
  const connection = await connect(process.env['RABBITMQ_URL']!, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(QUEUE, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
  return {
    publish: ({ id, payload }) =>
      new Promise<void>((resolve, reject) => {
        const body = Buffer.from(JSON.stringify(payload));
        channel.sendToQueue(QUEUE, body, { persistent: true, messageId: id }, (error) =>
          error ? reject(error as Error) : resolve(),
        );
      }),
    close: () => connection.close(),
  };
}

async function kafka(brokers: string): Promise<Broker> {
  const client = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: QUEUE, numPartitions: 4 }], waitForLeaders: true });
  await admin.disconnect();
  const producer = client.producer();
  await producer.connect();
  return {
    async publish({ id, payload, segment }) {
      const message = { key: segment ?? id, value: JSON.stringify(payload), headers: { id } };
      await producer.send({ topic: QUEUE, acks: -1, messages: [message] });
    },
    close: () => producer.disconnect(),
  };
}
