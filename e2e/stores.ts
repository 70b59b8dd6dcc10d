import type { Network } from '#libs/messaging/testing';

/** What carries the events in an e2e run. */
export interface Store {
  readonly name: 'postgres' | 'rabbitmq' | 'kafka';
  /** Tells the services where it is. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends it as kill -9 does; absent where the store is the services' own PostgreSQL. */
  kill?(): Promise<void>;
  /** Starts it again with its data. */
  restart?(): Promise<void>;
  /** Between the services and it; absent where nothing of ours lies there. */
  readonly network?: Network;
  stop(): Promise<void>;
}

export async function embeddedPostgres(): Promise<Store> {
  return { name: 'postgres', env: { TRANSPORT: 'postgres' }, stop: async () => undefined };
}

export async function rabbitmq(): Promise<Store> {
  const { startRabbitRig } = await import('#libs/rabbitmq/testing');
  const { broker, url, network, dispose } = await startRabbitRig();
  return {
    name: 'rabbitmq',
    env: { TRANSPORT: 'rabbitmq', RABBITMQ_URL: url },
    kill: () => broker.kill(),
    restart: () => broker.restart(),
    network,
    stop: () => dispose(),
  };
}

export async function kafka(): Promise<Store> {
  const { startKafkaRig } = await import('#libs/kafka/testing');
  const rig = await startKafkaRig();
  return {
    name: 'kafka',
    env: { TRANSPORT: 'kafka', KAFKA_BROKERS: rig.brokers.join(',') },
    kill: () => rig.kill(),
    restart: () => rig.restart(),
    network: rig.network,
    stop: () => rig.dispose(),
  };
}
