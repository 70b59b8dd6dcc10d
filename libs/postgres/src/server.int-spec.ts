import { PostgreSqlContainer } from '@testcontainers/postgresql';
import { getContainerRuntimeClient } from 'testcontainers';
import { describeTransport, eventually } from '#libs/messaging/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { createDatabaseAt } from '../../../tools/postgres/connect.js';
import { freePort } from '../../../tools/processes/index.js';
import { rigOn, type Server } from '../testing/index.js';

await describeWithDocker('a PostgreSQL server with a password', () => {
  describeTransport('postgres in a container', { start: async () => rigOn(await startServer()) });
});

/** Published as a fixed port: a port of Docker's choice would be another one after the restart. */
async function startServer(): Promise<Server> {
  const container = await new PostgreSqlContainer('postgres:17')
    .withExposedPorts({ container: 5432, host: await freePort() })
    .start();
  const url = container.getConnectionUri();
  const node = (await getContainerRuntimeClient()).container.getById(container.getId());
  let attempts = 0;
  const answers = () =>
    createDatabaseAt(url, `answers_${attempts++}`).then(
      () => true,
      () => false,
    );
  return {
    url,
    kill: async () => void (await node.kill()),
    async restart() {
      await node.start();
      await eventually(answers, 'PostgreSQL accepts connections again');
    },
    stop: async () => void (await container.stop({ timeout: 0 })),
  };
}
