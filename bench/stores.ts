import { connect } from 'amqplib';
import { embeddedPostgres, type Store } from '../e2e/stores.js';

/** What carries the events in a run: the brokers of the e2e suite, without the network in front of them that there can be cut. */
export const stores = { postgres: embeddedPostgres, rabbitmq, kafka };
export type StoreName = keyof typeof stores;

/** Versions of the brokers that this process has started, by name. */
export const brokerVersions: Record<string, string> = {};

async function rabbitmq(): Promise<Store> {
  const { startRabbitBroker } = await import('#libs/rabbitmq/testing');
  const { url, stop } = await startRabbitBroker();
  const connection = await connect(url);
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
