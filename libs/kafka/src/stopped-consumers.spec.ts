import { EventEmitter, once } from 'node:events';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { endStoppedConsumers } from './stopped-consumers.js';

interface Runner extends EventEmitter {
  running: boolean;
  scheduleFetchManager(): void;
}

/** kafkajs' own loop around a consumer, on a group that has no messages. */
const Runner = createRequire(import.meta.url)('kafkajs/src/consumer/runner') as new (parts: object) => Runner;
const logger = { namespace: () => logger, debug() {}, info() {}, warn() {}, error() {} };
const consumerGroup = { getNodeIds: () => ['1'], fetch: async () => [], heartbeat: async () => undefined };

it('ends fetchers that go on after their consumer was stopped, instead of hanging the process', async () => {
  endStoppedConsumers();
  const crashes: Error[] = [];
  const runner = new Runner({
    logger,
    consumerGroup,
    instrumentationEmitter: new EventEmitter(),
    concurrency: 1,
    onCrash: (error: Error) => void crashes.push(error),
  });
  const ended = once(runner, 'consuming-stop');
  runner.running = true;
  runner.scheduleFetchManager();
  // Its fetchers are set up by now, and nobody tells them.
  runner.running = false;
  await ended;
  expect(crashes).toEqual([]);
});
