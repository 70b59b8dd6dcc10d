import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { ConsumerRunConfig, EachBatchPayload } from 'kafkajs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { silent } from '#libs/messaging/testing';
import type { Client } from './client.js';
import { GroupMember, type MemberOptions } from './group-member.js';
import { withDefaults } from './settings.js';

/** As kafkajs' consumer is for its user, without a broker: the test joins and reads for it. */
class Reader extends EventEmitter {
  readonly events = { FETCH: 'fetch', HEARTBEAT: 'heartbeat', GROUP_JOIN: 'join', CRASH: 'crash' };
  private eachBatch: ConsumerRunConfig['eachBatch'];

  async connect() {}
  async subscribe() {}
  async disconnect() {}
  async run({ eachBatch }: ConsumerRunConfig) {
    this.eachBatch = eachBatch;
  }
  pause() {}
  paused() {
    return [];
  }

  join(): void {
    this.emit('join', { payload: { memberAssignment: { events: [0], others: [0] } } });
  }

  async read(count: number, topic = 'events'): Promise<void> {
    const messages = Array.from({ length: count }, (_, n) => ({
      offset: String(n),
      headers: { ce_id: String(n), ce_type: 'happened' },
    }));
    const batch = { topic, partition: 0, fetchedOffset: '0', messages, lastOffset: () => String(count - 1) };
    await this.eachBatch?.({
      batch,
      resolveOffset() {},
      commitOffsetsIfNecessary: async () => {},
    } as unknown as EachBatchPayload);
  }
}

async function member(handle: MemberOptions['handle'], reader: Reader): Promise<GroupMember> {
  const sources = ['events', 'others'].map((topic) => ({ topic, type: 'happened' }));
  const options: MemberOptions = {
    settings: withDefaults({ brokers: [] }),
    subscription: { service: 'reader', sources },
    maxBatch: 1,
    log: silent,
    joined() {},
    handle,
  };
  const started = new GroupMember(
    { kafka: { consumer: () => reader } } as unknown as Client,
    options,
    Promise.resolve(),
  );
  onTestFinished(() => started.leave());
  await started.start();
  return started;
}

it('ends what is at work when the group is joined once more, and waits for it', async () => {
  const reader = new Reader();
  const gate = Promise.withResolvers<void>();
  const handled: string[] = [];
  const reading = await member(async (batch) => {
    handled.push(...batch.map(({ id }) => id));
    await gate.promise;
  }, reader);
  reader.join();
  await reader.read(3);
  // As kafkajs does where the fetchers of two brokers find that a partition has moved.
  reader.join();
  let finished = false;
  const finishing = reading.finish().then(() => (finished = true));
  await turn();
  expect(finished).toBe(false);
  gate.resolve();
  await finishing;
  await turn();
  expect(handled).toEqual(['0']);
});

it('begins no batch while one from before the group was joined once more is running, whatever topic it is of', async () => {
  const reader = new Reader();
  const gate = Promise.withResolvers<void>();
  const handled: string[] = [];
  await member(async (batch) => {
    handled.push(...batch.map(({ topic, id }) => `${topic} ${id}`));
    if (handled.length === 1) await gate.promise;
  }, reader);
  reader.join();
  await reader.read(1, 'events');
  reader.join();
  await reader.read(2, 'others');
  expect(handled).toEqual(['events 0']);
  gate.resolve();
  await vi.waitFor(() => expect(handled).toEqual(['events 0', 'others 0', 'others 1']));
});
