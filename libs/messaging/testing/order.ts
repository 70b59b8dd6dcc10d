import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Behaviour } from './describe-transport.js';
import { eventually } from './eventually.js';
import { Recorder } from './recorder.js';
import { publishSurely } from './scene.js';

/** Messages of one key arrive in the order in which they were published. */
export function order(behaviour: Behaviour): void {
  behaviour('keeps the order of each key with one replica', async (scene) => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    await scene.join(reader, { maxBatch: 20 });
    const messages = scene.messages(1_000, 20);
    await publishSurely(publisher, messages);
    await reader.got(messages);
    reader.expectOrder(messages);
    reader.expectOnce(messages);
  });

  behaviour('keeps the order of each key with two replicas', async (scene) => {
    const [reader, publisher] = [new Recorder(() => pause(1)), await scene.publisher()];
    await scene.join(reader, { maxBatch: 20 });
    await scene.join(reader, { maxBatch: 20 });
    const messages = scene.messages(1_000, 20);
    await publishSurely(publisher, messages);
    await reader.got(messages);
    reader.expectOrder(messages);
  });

  behaviour('keeps the order of each key while a replica joins and leaves', async (scene) => {
    const [reader, publisher] = [new Recorder(() => pause(2)), await scene.publisher()];
    const first = await scene.join(reader, { maxBatch: 10 });
    const messages = scene.messages(2_000, 20);
    const publishing = publishSurely(publisher, messages, 20);
    await eventually(() => reader.settled.length > 100, 'the first replica at work');
    await scene.join(reader, { maxBatch: 10 });
    await eventually(() => reader.settled.length > 300, 'work going on with two replicas');
    await first.leave();
    await publishing;
    await reader.got(messages);
    reader.expectOrder(messages);
  });

  behaviour('has deliveries of one key in one running batch at a time', async (scene) => {
    const [reader, publisher] = [new Recorder(() => pause(5)), await scene.publisher()];
    await Promise.all([scene.join(reader, { maxBatch: 3 }), scene.join(reader, { maxBatch: 3 })]);
    const messages = scene.messages(300, 5);
    await publishSurely(publisher, messages);
    await reader.got(messages);
    expect(reader.overlaps).toEqual([]);
    reader.expectOrder(messages);
  });
}
