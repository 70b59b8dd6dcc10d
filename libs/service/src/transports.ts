import { readFileSync } from 'node:fs';
import { choreography } from '#libs/contracts';
import { READ_AT_LEAST } from '#libs/inbox';
import type { Subscription, Transport, TransportLog, TransportOptions } from '#libs/messaging';
import { readSettings, type Settings } from './settings.js';

/** The one place that names the stores. */
const open: Record<Settings['TRANSPORT'], (settings: Settings, options: TransportOptions) => Promise<Transport>> = {
  async postgres(settings, options) {
    const { createPostgresTransport } = await import('#libs/postgres');
    return createPostgresTransport({ url: settings.LOG_DATABASE_URL }, options);
  },
  async rabbitmq(settings, options) {
    const { createRabbitTransport } = await import('#libs/rabbitmq');
    const {
      RABBITMQ_URL: url,
      RABBITMQ_LANES: lanes,
      RABBITMQ_CA_FILE: caFile,
      RABBITMQ_MANAGEMENT_URL: managementUrl,
    } = settings;
    const more = { ...(caFile ? { tls: { caFile } } : {}), ...(managementUrl ? { managementUrl } : {}) };
    return createRabbitTransport({ url, lanes, ...more }, options);
  },
  async kafka(settings, options) {
    const { createKafkaTransport } = await import('#libs/kafka');
    return createKafkaTransport(
      {
        brokers: settings.KAFKA_BROKERS.split(','),
        partitions: settings.KAFKA_PARTITIONS,
        replicationFactor: settings.KAFKA_REPLICATION,
        compression: settings.KAFKA_COMPRESSION,
        ssl: settings.KAFKA_CA_FILE ? { ca: readFileSync(settings.KAFKA_CA_FILE, 'utf8') } : settings.KAFKA_SSL,
        ...saslOf(settings),
      },
      options,
    );
  },
};

export function openTransport(settings: Settings, log: TransportLog): Promise<Transport> {
  const { instance, BATCH_SIZE } = settings;
  const maxBatch = Math.max(BATCH_SIZE, READ_AT_LEAST);
  return open[settings.TRANSPORT](settings, { topology: topologyOf(settings), maxBatch, instance, log });
}

/**
 * The store that these variables of a service name, for a tool that looks at what went through it.
 * @throws WrongVariables
 */
export function transportOf(tool: string, env: NodeJS.ProcessEnv): Promise<Transport> {
  const { settings } = readSettings({ name: tool, title: tool, port: 0 }, env);
  const silent = () => undefined;
  return openTransport(settings, { debug: silent, info: silent, warn: silent, error: silent });
}

/** Everybody's subscriptions, and that of a further group of this service. */
function topologyOf({ service, CONSUMER_GROUP: group }: Settings): readonly Subscription[] {
  const own = choreography.find((subscription) => subscription.service === service);
  return group === service || !own ? choreography : [...choreography, { ...own, service: group }];
}

function saslOf({
  KAFKA_SASL_MECHANISM: mechanism,
  KAFKA_USERNAME: username = '',
  KAFKA_PASSWORD: password = '',
}: Settings) {
  return mechanism ? { sasl: { mechanism, username, password } } : {};
}
