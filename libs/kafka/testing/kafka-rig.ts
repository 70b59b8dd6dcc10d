import { ToxiProxyContainer } from '@testcontainers/toxiproxy';
import { getContainerRuntimeClient, Network as DockerNetwork } from 'testcontainers';
import type { Transport, TransportOptions } from '#libs/messaging';
import { eventually, networkThrough, resolves, silent, type Network, type Rig } from '#libs/messaging/testing';
import { KafkaTransport } from '../src/kafka-transport.js';
import { withDefaults, type KafkaSettings } from '../src/settings.js';
import { certificateOf, startKafkaContainer, upstream, type Secured } from './kafka-container.js';

export interface KafkaRig extends Rig {
  readonly brokers: readonly string[];
  readonly network: Network;
  /** With settings of its own, where a test needs others than the rig's. */
  connect(options: TransportOptions, settings?: Partial<KafkaSettings>): Promise<Transport>;
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** Bytes per second that each producer may send; without a number, as many as it likes. */
  throttle(bytesPerSecond?: number): Promise<void>;
}

/** As short as the broker allows, since tests wait for each of them. */
export const impatient: Omit<KafkaSettings, 'brokers'> = {
  sessionTimeoutMs: 4_000,
  heartbeatMs: 250,
  rebalanceTimeoutMs: 4_000,
};

/** One Kafka behind a Toxiproxy, whose port is what the broker advertises: it stays the same when the broker is started again. */
export async function startKafkaRig(
  settings: Partial<KafkaSettings> = {},
  { secured }: { readonly secured?: Secured } = {},
): Promise<KafkaRig> {
  const network = await new DockerNetwork().start();
  const toxiproxy = await new ToxiProxyContainer('ghcr.io/shopify/toxiproxy:2.12.0').withNetwork(network).start();
  const first = { id: 1, of: 1 };
  const proxy = await toxiproxy.createProxy({ name: 'kafka', upstream: upstream(first), enabled: true });
  const broker = `${proxy.host}:${proxy.port}`;
  const container = await startKafkaContainer(network, first, broker, secured);
  const trust = secured ? { ssl: { ca: [await certificateOf(container)] } } : {};
  const all = { brokers: [broker], ...impatient, ...trust, ...settings };
  const node = (await getContainerRuntimeClient()).container.getById(container.getId());
  await answers(all);
  return {
    brokers: [broker],
    network: networkThrough(proxy),
    async connect(options, own = {}) {
      return new KafkaTransport(withDefaults({ ...all, ...own }), options);
    },
    async crash(transport) {
      (transport as KafkaTransport).abort();
    },
    async kill() {
      await node.kill();
    },
    async restart() {
      await node.start();
      await answers(all);
    },
    async throttle(bytesPerSecond) {
      const quota = 'producer_byte_rate';
      const change =
        bytesPerSecond === undefined ? `--delete-config ${quota}` : `--add-config ${quota}=${bytesPerSecond}`;
      const command = `kafka-configs.sh --bootstrap-server localhost:9093 --alter --entity-type clients --entity-default ${change}`;
      const { exitCode, output } = await container.exec(['sh', '-c', `/opt/kafka/bin/${command}`]);
      if (exitCode !== 0) throw new Error(`the quota was not changed: ${output}`);
    },
    async dispose() {
      await container.stop({ timeout: 0 });
      await toxiproxy.stop();
      await network.stop();
    },
  };
}

/** Resolves once the broker serves requests. */
export async function answers(settings: KafkaSettings): Promise<void> {
  const transport = new KafkaTransport(withDefaults(settings), {
    topology: [],
    maxBatch: 1,
    instance: 'rig',
    log: silent,
  });
  await eventually(() => resolves(transport.ping()), 'Kafka answering', 180_000);
  await transport.close();
}
