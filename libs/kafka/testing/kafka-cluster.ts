import { ToxiProxyContainer } from '@testcontainers/toxiproxy';
import { getContainerRuntimeClient, Network as DockerNetwork } from 'testcontainers';
import type { Rig } from '#libs/messaging/testing';
import { KafkaTransport } from '../src/kafka-transport.js';
import { withDefaults } from '../src/settings.js';
import { startKafkaContainer, upstream, type Node } from './kafka-container.js';
import { answers, impatient } from './kafka-rig.js';

export interface KafkaCluster extends Rig {
  /** Ends one broker, as kill -9 does; the first one is the controller and stays. */
  killBroker(id: number): Promise<void>;
}

/** Three brokers with three copies of everything. */
export async function startKafkaCluster(): Promise<KafkaCluster> {
  const network = await new DockerNetwork().start();
  const toxiproxy = await new ToxiProxyContainer('ghcr.io/shopify/toxiproxy:2.12.0').withNetwork(network).start();
  const places: { readonly node: Node; readonly broker: string }[] = [];
  // One after the other: two at once would be given the same port.
  for (const id of [1, 2, 3]) {
    const node = { id, of: 3 };
    const { host, port } = await toxiproxy.createProxy({
      name: `kafka-${id}`,
      upstream: upstream(node),
      enabled: true,
    });
    places.push({ node, broker: `${host}:${port}` });
  }
  const start = ({ node, broker }: (typeof places)[number]) => startKafkaContainer(network, node, broker);
  const containers = await Promise.all(places.map(start));
  const settings = { brokers: places.map(({ broker }) => broker), ...impatient };
  await answers(settings);
  const runtime = await getContainerRuntimeClient();
  return {
    async connect(options) {
      return new KafkaTransport(withDefaults(settings), options);
    },
    async crash(transport) {
      (transport as KafkaTransport).abort();
    },
    async killBroker(id) {
      await runtime.container.getById(containers[id - 1]!.getId()).kill();
    },
    async dispose() {
      await Promise.all(containers.map((container) => container.stop({ timeout: 0 })));
      await toxiproxy.stop();
      await network.stop();
    },
  };
}
