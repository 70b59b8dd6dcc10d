import { connect, type ChannelModel } from 'amqplib';
import { resolve } from 'node:path';
import { RabbitMQContainer } from '@testcontainers/rabbitmq';
import { Wait, getContainerRuntimeClient, type StartedTestContainer } from 'testcontainers';
import type { StartedNetwork } from 'testcontainers';
import { eventually } from '#libs/messaging/testing';
import { freePort } from '../../../tools/processes/index.js';

/** From the root, where npm scripts run: beside built code it is not. */
const PLUGINS = resolve('libs/rabbitmq/config/enabled_plugins');

/** A RabbitMQ of its own in a container, whose data and ports survive being killed. */
export interface RabbitBroker {
  readonly url: string;
  /** At the container's own address, past the proxy of published ports; a host that runs Docker in a virtual machine cannot reach it. */
  readonly containerUrl: string;
  readonly managementUrl: string;
  /** A connection beside all transports, for whoever breaks something; ends with the broker. */
  administer(): Promise<ChannelModel>;
  /** Runs a command in the container and gives back what it printed; rejects when it fails. */
  run(...command: string[]): Promise<string>;
  /** As kill -9 does. */
  kill(): Promise<void>;
  /** Starts it again and resolves once it accepts connections. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRabbitBroker(network?: StartedNetwork): Promise<RabbitBroker> {
  const wanted = new RabbitMQContainer('rabbitmq:4-management')
    // The node's name, and with it the place of its data, comes of the host name.
    .withHostname('rabbit')
    // As in docker-compose.yml, which says why.
    .withEnvironment({ RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+Q 65536 +S 1:1 +SDio 1' })
    .withCopyFilesToContainer([{ source: PLUGINS, target: '/etc/rabbitmq/enabled_plugins' }])
    .withExposedPorts({ container: 5672, host: await freePort() }, { container: 15672, host: await freePort() })
    .withWaitStrategy(Wait.forHttp('/', 15672))
    .withStartupTimeout(120_000);
  if (network) wanted.withNetwork(network).withNetworkAliases('rabbit');
  // Fixed ports: those of Docker's choice would be others after the restart.
  const container = await wanted.start();
  const host = container.getHost();
  const url = `amqp://guest:guest@${host}:${container.getMappedPort(5672)}`;
  await untilUp(url);
  const docker = (await getContainerRuntimeClient()).container.getById(container.getId());
  return {
    url,
    containerUrl: `amqp://guest:guest@${container.getIpAddress(container.getNetworkNames()[0]!)}:5672`,
    managementUrl: `http://${host}:${container.getMappedPort(15672)}`,
    async administer() {
      const admin = await connect(url);
      admin.on('error', () => {});
      return admin;
    },
    run: (...command) => run(container, command),
    kill: async () => void (await docker.kill()),
    async restart() {
      await docker.start();
      await untilUp(url);
    },
    stop: async () => void (await container.stop()),
  };
}

/** How many messages wait in a queue, and how many consume it; undefined where there is none of that name. */
export async function countsOf(
  admin: ChannelModel,
  queue: string,
): Promise<{ readonly messageCount: number; readonly consumerCount: number } | undefined> {
  const channel = await admin.createChannel();
  channel.on('error', () => {});
  const counts = await channel.checkQueue(queue).catch(() => undefined);
  await channel.close().catch(() => {});
  return counts;
}

async function untilUp(url: string): Promise<void> {
  const answers = () =>
    connect(url, { timeout: 2_000 })
      .then((connection) => connection.close())
      .then(
        () => true,
        () => false,
      );
  await eventually(answers, 'RabbitMQ accepts connections', 120_000);
}

async function run(container: StartedTestContainer, command: string[]): Promise<string> {
  const { exitCode, output } = await container.exec(command);
  if (exitCode !== 0) throw new Error(`${command.join(' ')} failed: ${output}`);
  return output;
}
