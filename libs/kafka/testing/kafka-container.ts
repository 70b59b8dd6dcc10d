import { isIP } from 'node:net';
import { GenericContainer, Wait, type StartedNetwork, type StartedTestContainer } from 'testcontainers';
import { freePort } from '../../../tools/processes/index.js';

export const kafkaVersion = '4.3.1';
const image = `apache/kafka:${kafkaVersion}`;

/** One node of a cluster; the first one is the controller too. */
export interface Node {
  readonly id: number;
  readonly of: number;
}

/** Where it listens inside its network. */
export function upstream({ id }: Node): string {
  return `kafka-${id}:9092`;
}

/** For one user, behind a certificate that the broker makes for itself. */
export interface Secured {
  readonly username: string;
  readonly password: string;
}

/** A node which tells clients to come to `advertised` (`host:port`). */
export async function startKafkaContainer(
  network: StartedNetwork,
  node: Node,
  advertised: string,
  secured?: Secured,
): Promise<StartedTestContainer> {
  const container = kafkaContainer(node, advertised, secured)
    .withNetwork(network)
    .withNetworkAliases(`kafka-${node.id}`);
  if (secured) container.withCommand(['sh', '-c', `${makeCertificate(advertised)} && exec /etc/kafka/docker/run`]);
  return container.start();
}

/** A Kafka without a network in front of it, for who measures. */
export async function startKafkaBroker(): Promise<{ readonly broker: string; stop(): Promise<void> }> {
  const port = await freePort();
  const broker = `127.0.0.1:${port}`;
  const container = await kafkaContainer({ id: 1, of: 1 }, broker)
    .withHostname('kafka-1')
    .withExposedPorts({ container: 9092, host: port })
    .start();
  return { broker, stop: async () => void (await container.stop({ timeout: 0 })) };
}

function kafkaContainer(node: Node, advertised: string, secured?: Secured): GenericContainer {
  return new GenericContainer(image)
    .withEnvironment({
      ...environment(node, advertised, secured ? 'SASL_SSL' : 'PLAINTEXT'),
      ...(secured ? security(secured) : {}),
    })
    .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
    .withStartupTimeout(120_000);
}

/** The certificate by which a client of a secured node can trust it. */
export async function certificateOf(container: StartedTestContainer): Promise<string> {
  const command = [
    'keytool',
    '-exportcert',
    '-rfc',
    '-alias',
    'kafka',
    '-keystore',
    keystore,
    '-storepass',
    storePassword,
  ];
  return (await container.exec(command)).stdout;
}

const keystore = '/tmp/kafka.p12';
const storePassword = 'only-in-this-container';

function makeCertificate(advertised: string): string {
  const host = advertised.slice(0, advertised.lastIndexOf(':'));
  const name = `${isIP(host) ? 'ip' : 'dns'}:${host}`;
  return `{ test -e ${keystore} || keytool -genkeypair -alias kafka -keyalg EC -dname CN=kafka -validity 30 \
    -ext san=${name} -storetype PKCS12 -keystore ${keystore} -storepass ${storePassword}; }`;
}

function security({ username, password }: Secured): Record<string, string> {
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`;
  return {
    KAFKA_SSL_KEYSTORE_LOCATION: keystore,
    KAFKA_SSL_KEYSTORE_PASSWORD: storePassword,
    KAFKA_SSL_KEYSTORE_TYPE: 'PKCS12',
    KAFKA_SASL_ENABLED_MECHANISMS: 'PLAIN',
    KAFKA_LISTENER_NAME_CLIENTS_PLAIN_SASL_JAAS_CONFIG: login,
  };
}

/** One variable of this kind switches all defaults of the image off, so all are set. */
function environment({ id, of }: Node, advertised: string, protocol: string): Record<string, string> {
  const controls = id === 1;
  return {
    KAFKA_NODE_ID: String(id),
    KAFKA_PROCESS_ROLES: controls ? 'broker,controller' : 'broker',
    KAFKA_CONTROLLER_QUORUM_VOTERS: '1@kafka-1:9094',
    KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
    KAFKA_LISTENERS: `CLIENTS://:9092,INTERNAL://:9093${controls ? ',CONTROLLER://:9094' : ''}`,
    KAFKA_ADVERTISED_LISTENERS: `CLIENTS://${advertised},INTERNAL://kafka-${id}:9093`,
    KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: `CLIENTS:${protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT`,
    KAFKA_INTER_BROKER_LISTENER_NAME: 'INTERNAL',
    KAFKA_LOG_DIRS: '/var/lib/kafka/data',
    KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
    KAFKA_DEFAULT_REPLICATION_FACTOR: String(of),
    KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: String(of),
    KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '4',
    KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
    KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR: '1',
    KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR: '1',
    KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000',
    // A killed broker that comes back is let in only once its last session has ended.
    KAFKA_BROKER_SESSION_TIMEOUT_MS: '3000',
    KAFKA_BROKER_HEARTBEAT_INTERVAL_MS: '500',
    KAFKA_HEAP_OPTS: '-Xmx384m -Xms128m',
  };
}
