import { once } from 'node:events';
import { connect } from 'node:net';
import { Controller, Get, Module } from '@nestjs/common';
import { expect, it } from 'vitest';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { startForTest } from '../testing/index.js';
import { Service } from './index.js';

let asked = Promise.withResolvers<void>();
let answer = Promise.withResolvers<string>();

@Controller('slow')
class Slow {
  @Get()
  show(): Promise<string> {
    asked.resolve();
    return answer.promise;
  }
}

@Service({ name: 'inventory', title: 'Probe', port: 0 })
@Module({ controllers: [Slow] })
class ProbeModule {}

async function started(shutdownMs: number) {
  [asked, answer] = [Promise.withResolvers(), Promise.withResolvers()];
  const { url, drop } = await freshDatabase();
  const service = await startForTest(ProbeModule, { url, variables: { SHUTDOWN_TIMEOUT_MS: String(shutdownMs) } });
  return {
    http: service.http,
    async close() {
      await service.close();
      await drop();
    },
  };
}

it('a request under way is answered, and its connection, kept alive for a next one, keeps nothing from ending', async () => {
  // Beyond the patience of this test: it is not cut off.
  const service = await started(600_000);
  const response = fetch(`${service.http}/slow`);
  await asked.promise;
  const closed = service.close();
  await expect.poll(() => fetch(`${service.http}/health/live`).catch(() => 'refused')).toBe('refused');
  answer.resolve('at last');
  expect(await (await response).text()).toBe('at last');
  await closed;
});

it('whoever says nothing on a connection is cut off in time', async () => {
  const service = await started(1_000);
  const { hostname, port } = new URL(service.http);
  const silent = connect(Number(port), hostname);
  await once(silent, 'connect');
  const ended = once(silent, 'close');
  silent.resume();
  await service.close();
  await ended;
});
