import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Controller, Get, Module } from '@nestjs/common';
import { afterEach, expect, it, vi } from 'vitest';
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

const LARGE = 'x'.repeat(32_000_000);

@Controller('large')
class Large {
  @Get()
  show(): string {
    return LARGE;
  }
}

@Service({ name: 'inventory', title: 'Probe', port: 0 })
@Module({ controllers: [Slow, Large] })
class ProbeModule {}

afterEach(() => void vi.useRealTimers());

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

async function responseTo(url: string): Promise<IncomingMessage> {
  const [response] = (await once(get(url), 'response')) as [IncomingMessage];
  return response;
}

/** Resolves with the length of what a client got that has much else to do. */
async function readSlowly(response: IncomingMessage): Promise<number> {
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    await pause(1);
  }
  return length;
}

async function refused({ http }: { readonly http: string }): Promise<void> {
  await expect.poll(() => fetch(`${http}/health/live`).catch(() => 'refused')).toBe('refused');
}

it('a request under way is answered, and its connection, kept alive for a next one, keeps nothing from ending', async () => {
  // Beyond the patience of this test: it is not cut off.
  const service = await started(600_000);
  const response = fetch(`${service.http}/slow`);
  await asked.promise;
  const closed = service.close();
  await refused(service);
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

it('a large answer that takes a minute to be sent arrives whole, and newcomers are refused meanwhile', async () => {
  const service = await started(600_000);
  const response = await responseTo(`${service.http}/large`);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const closed = service.close();
  await refused(service);
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  expect(await readSlowly(response)).toBe(LARGE.length);
  await closed;
});

it('a large answer to a request under way arrives whole', async () => {
  const service = await started(600_000);
  const response = responseTo(`${service.http}/slow`);
  await asked.promise;
  const closed = service.close();
  await refused(service);
  answer.resolve(LARGE);
  expect(await readSlowly(await response)).toBe(LARGE.length);
  await closed;
});
