import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import type { ConsumerRunConfig, EachBatchPayload } from 'kafkajs';
import { expect, it, onTestFinished } from 'vitest';
import type { Client } from './client.js';
import { GroupMember } from './group-member.js';
import { withDefaults } from './settings.js';

const log = { debug() {}, info() {}, warn() {}, error() {} };

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
    this.emit('join', { payload: { memberAssignment: { events: [0] } } });
  }

  async read(count: number): Promise<void> {
    const messages = Array.from({ length: count }, (_, n) => ({
      offset: String(n),
      headers: { ce_id: String(n), ce_type: 'happened' },
    }));
    const batch = { topic: 'events', partition: 0, fetchedOffset: '0', messages, lastOffset: () => String(count - 1) };
    await this.eachBatch?.({
      batch,
      resolveOffset() {},
      commitOffsetsIfNecessary: async () => {},
    } as unknown as EachBatchPayload);
  }
}

it('ends what is at work when the group is joined once more, and waits for it', async () => {
  const reader = new Reader();
  const gate = Promise.withResolvers<void>();
  const handled: string[] = [];
  const member = new GroupMember(
    { kafka: { consumer: () => reader } } as unknown as Client,
    {
      settings: withDefaults({ brokers: [] }),
      subscription: { service: 'reader', sources: [{ topic: 'events', type: 'happened' }] },
      maxBatch: 1,
      log,
      joined() {},
      async handle(batch) {
        handled.push(...batch.map(({ id }) => id));
        await gate.promise;
      },
    },
    Promise.resolve(),
  );
  onTestFinished(() => member.leave());
  await member.start();
  reader.join();
  await reader.read(3);
  // As kafkajs does where the fetchers of two brokers find that a partition has moved.
  reader.join();
  let finished = false;
  const finishing = member.finish().then(() => (finished = true));
  await turn();
  expect(finished).toBe(false);
  gate.resolve();
  await finishing;
  await turn();
  expect(handled).toEqual(['0']);
});
