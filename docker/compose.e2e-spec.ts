import { execFileSync } from 'node:child_process';
import { DockerComposeEnvironment, Wait, type StartedDockerComposeEnvironment } from 'testcontainers';
import { expect, it } from 'vitest';
import { describeWithDocker } from '../tools/docker/available.js';

/** Of a busy machine; what is waited for is there within a second elsewhere. */
const PATIENCE_MS = 120_000;
const services = ['order', 'inventory', 'payment', 'shipping', 'notification'];
const anyPort = { ORDER_PORT: '0', JAEGER_PORT: '0', MAILPIT_PORT: '0', RABBITMQ_PORT: '0' };
const order = {
  customer: { name: 'Ada Lovelace', email: 'ada@example.com' },
  lines: [{ sku: 'mug-blue', quantity: 2 }],
  shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
  paymentToken: 'tok_visa',
};

interface Letters {
  readonly messages: readonly { readonly To: readonly { readonly Address: string }[] }[];
}
interface Traces {
  readonly data: readonly { readonly processes: Readonly<Record<string, { readonly serviceName: string }>> }[];
}

/** The real docker-compose.yml, beside any other that may be up: another project name, any free ports. */
function up(transport: string): Promise<StartedDockerComposeEnvironment> {
  const waiting = services.reduce(
    (environment, service) => environment.withWaitStrategy(`${service}-1`, Wait.forHealthCheck()),
    new DockerComposeEnvironment('.', 'docker-compose.yml'),
  );
  return waiting
    .withEnvironment({ ...anyPort, TRANSPORT: transport, COMPOSE_PROFILES: transport })
    .withBuild()
    .withStartupTimeout(240_000)
    .up();
}

async function json<T>(url: string, init?: RequestInit): Promise<T> {
  return (await (await fetch(url, init)).json()) as T;
}

function checked(environment: StartedDockerComposeEnvironment, transport: string): string {
  const project = environment.getContainer('order-1').getLabels()['com.docker.compose.project']!;
  return execFileSync('docker', ['compose', '--project-name', project, 'run', '--rm', 'check-invariants'], {
    env: { ...process.env, ...anyPort, TRANSPORT: transport, COMPOSE_PROFILES: transport, NO_COLOR: '1' },
    encoding: 'utf8',
  });
}

await describeWithDocker('docker compose up', () => {
  it.each(['rabbitmq', 'kafka'])(
    'takes an order all the way on %s: shipped, written about, traced',
    async (transport) => {
      const environment = await up(transport);
      const address = (service: string, port: number) =>
        `http://127.0.0.1:${environment.getContainer(`${service}-1`).getMappedPort(port)}`;
      try {
        const body = JSON.stringify(order);
        const headers = { 'content-type': 'application/json' };
        const orders = address('order', 3001);
        const placed = await json<{ orderId: string }>(`${orders}/orders`, { method: 'POST', headers, body });
        await expect
          .poll(() => json(`${orders}/orders/${placed.orderId}`), { timeout: PATIENCE_MS, interval: 250 })
          .toMatchObject({ status: 'completed', settled: true });
        await expect
          .poll(
            async () => {
              const { messages } = await json<Letters>(`${address('mailpit', 8025)}/api/v1/messages`);
              return messages.map(({ To }) => To[0]?.Address);
            },
            { timeout: PATIENCE_MS, interval: 250 },
          )
          .toEqual(['ada@example.com', 'ada@example.com']);
        await expect
          .poll(
            async () => {
              const operation = encodeURIComponent('POST /orders');
              const path = `/api/traces?service=order&operation=${operation}`;
              const { data } = await json<Traces>(address('jaeger', 16_686) + path);
              return data.map(({ processes }) =>
                Object.values(processes)
                  .map(({ serviceName }) => serviceName)
                  .toSorted(),
              );
            },
            { timeout: PATIENCE_MS, interval: 500 },
          )
          .toEqual([services.toSorted()]);
        expect(checked(environment, transport)).toContain('all that must hold holds');
      } finally {
        await environment.down({ removeVolumes: true });
      }
    },
    // The image is built first, where it is not there yet.
    900_000,
  );
});
