import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GenericContainer, Wait, type StartedTestContainer } from 'testcontainers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, resolves, silent } from '#libs/messaging/testing';
import { createRabbitTransport } from '#libs/rabbitmq';
import { describeWithDocker } from '../../../tools/docker/available.js';

const config = `listeners.ssl.default = 5671
ssl_options.certfile = /etc/rabbitmq/tls/cert.pem
ssl_options.keyfile = /etc/rabbitmq/tls/key.pem
loopback_users = none
`;

await describeWithDocker('RabbitMQ over TLS', () => {
  let folder: string;
  let container: StartedTestContainer;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rabbit-tls-'));
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    await promisify(execFile)('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      key,
      '-out',
      cert,
      ...subject,
    ]);
    const plugins = fileURLToPath(new URL('../config/enabled_plugins', import.meta.url));
    container = await new GenericContainer('rabbitmq:4-management')
      .withCopyFilesToContainer([
        { source: plugins, target: '/etc/rabbitmq/enabled_plugins' },
        { source: cert, target: '/etc/rabbitmq/tls/cert.pem', mode: 0o644 },
        { source: key, target: '/etc/rabbitmq/tls/key.pem', mode: 0o644 },
      ])
      .withCopyContentToContainer([{ content: config, target: '/etc/rabbitmq/conf.d/90-tls.conf' }])
      .withExposedPorts(5671, 15672)
      .withWaitStrategy(Wait.forHttp('/', 15672))
      .withStartupTimeout(120_000)
      .start();
  }, 180_000);
  afterAll(async () => {
    await container?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const transportWith = (tls: { caFile?: string }) =>
    createRabbitTransport(
      { url: `amqps://guest:guest@localhost:${container.getMappedPort(5671)}`, tls },
      { topology: [], maxBatch: 10, instance: 'a', log: silent },
    );

  test('the broker is trusted by the given authority', async () => {
    const transport = transportWith({ caFile: join(folder, 'cert.pem') });
    await eventually(() => resolves(transport.ping()), 'the broker answers');
    await transport.close();
  });

  test('and not without it', async () => {
    const transport = transportWith({});
    await expect(transport.ping()).rejects.toThrow(/self-signed certificate/);
    await transport.close();
  });
});
