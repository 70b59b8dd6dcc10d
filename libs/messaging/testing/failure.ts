import { expect } from 'vitest';
import type { Behaviour } from './describe-transport.js';
import { eventually } from './eventually.js';
import { Recorder } from './recorder.js';

/** Handlers that reject, replicas that leave and replicas that are killed. */
export function failure(behaviour: Behaviour): void {
  behaviour('delivers a rejected batch again, in order, and loses no other key', async (scene) => {
    let rejections = 3;
    const reader = new Recorder(async (batch) => {
      if (rejections > 0 && batch.some(({ key }) => key === 'key-3')) {
        rejections--;
        throw new Error('rejected by the test');
      }
    });
    const publisher = await scene.publisher();
    await scene.join(reader, { maxBatch: 10 });
    const messages = scene.messages(100);
    await publisher.publish(messages);
    await reader.got(messages);
    expect(rejections).toBe(0);
    reader.expectOrder(messages);
    expect(reader.settled.length).toBe(100);
  });

  behaviour(
    'keeps delivering to one service while another rejects everything',
    async (scene) => {
      const [good, publisher] = [new Recorder(), await scene.publisher()];
      const bad = new Recorder(() => Promise.reject(new Error('rejected by the test')));
      await scene.join(bad, { service: 'bad' });
      await scene.join(good, { service: 'good' });
      const messages = scene.messages(100);
      await publisher.publish(messages);
      await good.got(messages);
      good.expectOnce(messages);
      await eventually(() => bad.batches.length > 1, 'the rejected batch delivered again');
      expect(bad.settled).toEqual([]);
    },
    { cast: { good: ['happened'], bad: ['happened'] } },
  );

  behaviour("hands a killed replica's unsettled messages to the survivor", async (scene) => {
    const [reader, publisher] = [new Recorder(() => new Promise<void>(() => {})), await scene.publisher()];
    const survivor = new Recorder();
    const doomed = await scene.join(reader, { maxBatch: 10 });
    const messages = scene.messages(100);
    await publisher.publish(messages);
    await eventually(() => reader.batches.length > 0, 'the doomed replica at work');
    await scene.join(survivor, { maxBatch: 10 });
    await doomed.crash();
    await survivor.got(messages);
    survivor.expectOrder(messages);
  });

  behaviour(
    'drains on close: running batches end, nothing new begins, the rest goes to another replica',
    async (scene) => {
      const gate = Promise.withResolvers<void>();
      const [leaving, publisher] = [new Recorder(() => gate.promise), await scene.publisher()];
      const replica = await scene.join(leaving, { maxBatch: 10 });
      const messages = scene.messages(200);
      await publisher.publish(messages);
      await eventually(() => leaving.batches.length > 0, 'a running batch');
      let left = false;
      const closing = replica.leave().then(() => (left = true));
      await new Promise((resume) => setTimeout(resume, 200));
      expect(left).toBe(false);
      const begun = leaving.seen;
      gate.resolve();
      await closing;
      expect(leaving.settled.map(({ id }) => id)).toEqual(begun.map(({ id }) => id));

      const next = new Recorder();
      await scene.join(next, { maxBatch: 50 });
      const settled = new Set(begun.map(({ id }) => id));
      const rest = messages.filter(({ id }) => !settled.has(id));
      await next.got(rest);
      next.expectOnce(rest);
      next.expectOrder(rest);
    },
  );

  behaviour('stores what was being published when the publisher was closed, or rejects it', async (scene) => {
    const [reader, transport] = [new Recorder(), await scene.connect()];
    const publisher = await transport.publisher();
    const messages = scene.messages(50, 50);
    const publishing = Promise.allSettled(messages.map((message) => publisher.publish([message])));
    await publisher.close();
    const outcomes = await publishing;
    await transport.close();
    await expect(publisher.publish(scene.messages(1))).rejects.toThrow();
    await scene.join(reader);
    await reader.got(messages.filter((_, n) => outcomes[n]?.status === 'fulfilled'));
  });
}
