import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import type { Behaviour } from './describe-transport.js';
import { eventually } from './eventually.js';
import { Recorder } from './recorder.js';
import { publishSurely, type Replica } from './scene.js';

const MiB = 1024 * 1024;

/** Much at once, slow consumers, and replicas that come and go meanwhile. */
export function load(behaviour: Behaviour): void {
  behaviour('takes 10,000 messages published at once', async (scene) => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    await scene.join(reader, { maxBatch: 100 });
    const messages = scene.messages(10_000, 500);
    await publisher.publish(messages);
    await reader.got(messages);
    reader.expectOrder(messages);
    reader.expectOnce(messages);
  });

  behaviour('takes 10,000 publishes of one message each at once', async (scene) => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    await scene.join(reader, { maxBatch: 100 });
    const messages = scene.messages(10_000, 10_000);
    await Promise.all(messages.map((message) => publisher.publish([message])));
    await reader.got(messages);
    reader.expectOnce(messages);
  });

  behaviour('does not grow memory without bound behind a slow consumer', async (scene) => {
    const gate = Promise.withResolvers<void>();
    const [reader, publisher] = [new Recorder(() => gate.promise), await scene.publisher()];
    const { transport } = await scene.join(reader, { maxBatch: 10 });
    const body = Buffer.alloc(MiB / 8, 'x');
    const publishMore = async (count: number) => {
      for (let n = 0; n < count; n += 32) await publisher.publish(scene.messages(32, 32, { body }));
    };
    await publishMore(64);
    await eventually(() => reader.batches.length > 0, 'a batch that takes its time');
    const before = memoryInUse();
    await publishMore(2_048);
    await pause(500);
    // 256 MiB are waiting; a store in this very process has to hold them itself.
    if (transport.features.durable) expect((memoryInUse() - before) / MiB).toBeLessThan(128);
    gate.resolve();
    await eventually(() => reader.settled.length >= 64, 'the first messages settled');
  });

  behaviour(
    'keeps the order of each key with three replicas while they join, leave and crash under load',
    async (scene) => {
      const [reader, publisher] = [new Recorder(() => pause(2)), await scene.publisher()];
      const messages = scene.messages(6_000, 60);
      const publishing = publishSurely(publisher, messages, 30);
      const join = () => scene.join(reader, { maxBatch: 20 });
      const replicas: Replica[] = [await join(), await join(), await join()];
      const after = (count: number) =>
        eventually(
          () => reader.settled.length > count,
          () => `${count} settled, now ${reader.settled.length}`,
        );
      await after(500);
      replicas.push(await join());
      await after(1_000);
      await replicas[0]?.leave();
      await after(1_500);
      await replicas[1]?.crash();
      await after(2_000);
      await join();
      await publishing;
      await reader.got(messages);
      reader.expectOrder(messages);
    },
    { timeoutMs: 240_000 },
  );
}

function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
