import { connect } from 'amqplib';
import { embeddedPostgres, type Store } from '../e2e/stores.js';

/** What carries the events in a run: the brokers of the e2e suite, without the network in front of them that there can be cut. */
export const stores = { postgres: embeddedPostgres, rabbitmq, kafka };
export type StoreName = keyof typeof stores;

/** Versions of the brokers that this process has started, by name. */
export const brokerVersions: Record<string, string> = {};

async function rabbitmq(): Promise<Store> {
  const { startRabbitBroker } = await import('#libs/rabbitmq/testing');
  const { url: published, containerUrl, stop } = await startRabbitBroker();
  // As between containers: Docker's proxy of published ports copies each byte, for 4 % of two busy cores.
  const [url, connection] = await connect(containerUrl, { timeout: 2_000 }).then(
    (direct) => [containerUrl, direct] as const,
    async () => [published, await connect(published)] as const,
  );
  brokerVersions['RabbitMQ'] = connection.connection.serverProperties.version;
  await connection.close();
  return { name: 'rabbitmq', env: { TRANSPORT: 'rabbitmq', RABBITMQ_URL: url }, stop };
}

async function kafka(): Promise<Store> {
  const { kafkaVersion, startKafkaBroker } = await import('#libs/kafka/testing');
  const { broker, stop } = await startKafkaBroker();
  brokerVersions['Kafka'] = kafkaVersion;
  return { name: 'kafka', env: { TRANSPORT: 'kafka', KAFKA_BROKERS: broker }, stop };
}
