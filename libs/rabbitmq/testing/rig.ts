import { ToxiProxyContainer } from '@testcontainers/toxiproxy';
import { connect } from 'amqplib';
import { Network as DockerNetwork } from 'testcontainers';
import type { TransportOptions } from '#libs/messaging';
import { networkThrough, type Network, type Rig } from '#libs/messaging/testing';
import { queueOf } from '../src/names.js';
import { RabbitTransport } from '../src/rabbit-transport.js';
import { withDefaults, type RabbitSettings } from '../src/settings.js';
import { startRabbitBroker, type RabbitBroker } from './broker.js';

export interface RabbitRig extends Rig {
  readonly broker: RabbitBroker;
  /** Of the way through the network. */
  readonly url: string;
  readonly network: Network;
  connect(options: TransportOptions, settings?: Partial<RabbitSettings>): Promise<RabbitTransport>;
}

/** A RabbitMQ, and Toxiproxy between it and all transports. */
export async function startRabbitRig(): Promise<RabbitRig> {
  const docker = await new DockerNetwork().start();
  const [broker, toxiproxy] = await Promise.all([
    startRabbitBroker(docker),
    new ToxiProxyContainer('ghcr.io/shopify/toxiproxy:2.12.0').withNetwork(docker).start(),
  ]);
  const proxy = await toxiproxy.createProxy({ name: 'rabbit', upstream: 'rabbit:5672' });
  const url = `amqp://guest:guest@${proxy.host}:${proxy.port}`;
  let former: readonly string[] = [];

  return {
    broker,
    url,
    network: networkThrough(proxy),
    kill: () => broker.kill(),
    restart: () => broker.restart(),
    async connect(options, settings = {}) {
      const services = options.topology.map(({ service }) => service);
      const gone = former.filter((service) => !services.includes(service));
      // While the broker is down they stay until the next time.
      const removed = gone.length > 0 && (await removeServices(broker.url, gone).then(...yesOrNo));
      former = [...services, ...(removed ? [] : gone)];
      return new RabbitTransport(withDefaults({ url, ...settings }), options);
    },
    crash: async (transport) => (transport as RabbitTransport).abort(),
    async dispose() {
      await Promise.all([broker.stop(), toxiproxy.stop()]);
      await docker.stop();
    },
  };
}

const yesOrNo = [() => true, () => false] as const;

/** Each test has services of its own; hundreds of queues would slow down each restart of the broker. */
async function removeServices(url: string, services: readonly string[]): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const service of services) {
    await channel.deleteExchange(service);
    for (const queue of [0, 1, 2, 3].map((lane) => queueOf(service, lane))) await channel.deleteQueue(queue);
  }
  await connection.close();
}
