import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { KafkaJSRequestTimeoutError } from 'kafkajs';
import { expect, it } from 'vitest';
import { crashOnFailedJoin } from './failed-joins.js';

interface Runner {
  start(): Promise<void>;
  stop(): Promise<void>;
}

const library = <T>(path: string) => createRequire(import.meta.url)(`kafkajs/src/${path}`) as new (parts: object) => T;
const Runner = library<Runner>('consumer/runner');
const ConsumerGroup = library<object>('consumer/consumerGroup');
const logger = { namespace: () => logger, debug() {}, info() {}, warn() {}, error() {} };

/** kafkajs' own consumer of nothing, with a broker that asks it to join again and is late with the assignment then. */
it('ends a consumer that could not join its group again, though the broker has it as a member', async () => {
  crashOnFailedJoin();
  let syncs = 0;
  let asked = false;
  const coordinator = {
    joinGroup: async () => ({ generationId: 1, leaderId: 'another', memberId: 'one', members: [] }),
    async syncGroup() {
      if (++syncs === 2) throw new KafkaJSRequestTimeoutError('late', {} as never);
      return { memberAssignment: Buffer.alloc(0) };
    },
    async heartbeat() {
      if (asked) return;
      asked = true;
      throw Object.assign(new Error('rebalancing'), { type: 'REBALANCE_IN_PROGRESS' });
    },
  };
  const cluster = {
    connect: async () => undefined,
    refreshMetadataIfNecessary: async () => undefined,
    findGroupCoordinator: async () => coordinator,
    committedOffsets: () => ({}),
    getNodeIds: () => ['1'],
  };
  const instrumentationEmitter = new EventEmitter();
  const consumerGroup = new ConsumerGroup({
    retry: {},
    cluster,
    groupId: 'group',
    topics: [],
    topicConfigurations: {},
    logger,
    instrumentationEmitter,
    assigners: [{ name: 'any', version: 0, protocol: () => ({}) }],
    maxWaitTimeInMs: 5,
  });
  const crashed = Promise.withResolvers<Error>();
  const runner = new Runner({
    logger,
    consumerGroup,
    instrumentationEmitter,
    heartbeatInterval: 0,
    retry: { initialRetryTime: 1 },
    concurrency: 1,
    onCrash: crashed.resolve,
  });
  await runner.start();
  expect((await crashed.promise).message).toContain('late');
  expect(syncs).toBe(2);
  await runner.stop();
});
