import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import { GroupExists, type Delivery, type Transport } from '../src/index.js';
import type { Behaviour } from './describe-transport.js';
import { Recorder } from './recorder.js';
import type { Scene } from './scene.js';

/** Longer than any store's clock is coarse. */
const APART_MS = 2_500;

/** What is read again, and by groups that come later. */
export function replay(behaviour: Behaviour): void {
  behaviour('tells what was stored from a time on, in order per key', async (scene) => {
    const publisher = await scene.publisher();
    await publisher.publish(scene.messages(20));
    await pause(APART_MS);
    const from = new Date();
    const messages = scene.messages(300);
    for (let n = 0; n < 300; n += 50) {
      await publisher.publish([...messages.slice(n, n + 50), scene.message({ type: 'nobody-cares' })]);
    }
    const transport = await scene.connect({ maxBatch: 40 });
    const told = await historyOf(transport, scene, from);
    expectStory(told, messages);
    expect(await historyOf(transport, scene, new Date(Date.now() + 3_600_000))).toEqual([]);
    await transport.close();
  });

  behaviour('settles nothing and disturbs nobody by telling the history', async (scene) => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    const first = scene.messages(60);
    await publisher.publish(first);
    const transport = await scene.connect();
    expectStory(await historyOf(transport, scene, new Date(0)), first);
    await scene.join(reader);
    await reader.got(first);
    const second = scene.messages(60);
    await publisher.publish(second);
    expectStory(await historyOf(transport, scene, new Date(0)), [...first, ...second]);
    await reader.got([...first, ...second]);
    reader.expectOnce([...first, ...second]);
    await transport.close();
  });

  behaviour('may be left in the middle of the history', async (scene) => {
    const publisher = await scene.publisher();
    await publisher.publish(scene.messages(100));
    const transport = await scene.connect({ maxBatch: 5 });
    for await (const batch of transport.history(scene.subscriptionOf('reader').sources, new Date(0))) {
      expect(batch.length).toBeLessThanOrEqual(5);
      break;
    }
    await transport.close();
  });

  behaviour('gives a group created later what was stored from a time on, and what comes then', async (scene) => {
    const [reader, late, publisher] = [new Recorder(), new Recorder(), await scene.publisher()];
    await scene.join(reader);
    const early = scene.messages(20);
    await publisher.publish(early);
    await reader.got(early);
    await pause(APART_MS);
    const from = new Date();
    const before = scene.messages(120);
    await publisher.publish(before);
    await reader.got(before);
    const transport = await scene.connect();
    const group = scene.subscriptionOf('reader', 'late');
    expect(await transport.createGroup(group, from)).toBe(120);
    await expect(transport.createGroup(group, from)).rejects.toThrow(GroupExists);
    const after = scene.messages(60);
    await publisher.publish(after);
    await scene.join(late, { subscription: group });
    await late.got([...before, ...after]);
    late.expectOnce([...before, ...after]);
    late.expectOrder([...before, ...after]);
    await reader.got([...before, ...after]);
    reader.expectOnce([...early, ...before, ...after]);
    await transport.close();
  });

  behaviour('loses nothing for a group that is created while messages are published', async (scene) => {
    const [late, publisher, transport] = [new Recorder(), await scene.publisher(), await scene.connect()];
    const messages = scene.messages(600, 20);
    const publishing = (async () => {
      for (let n = 0; n < 600; n += 10) {
        await publisher.publish(messages.slice(n, n + 10));
        await pause(10);
      }
    })();
    await pause(200);
    const group = scene.subscriptionOf('reader', 'late');
    await transport.createGroup(group, new Date(0));
    await publishing;
    await scene.join(late, { subscription: group });
    await late.got(messages);
    await transport.close();
  });
}

async function historyOf(transport: Transport, scene: Scene, from: Date): Promise<Delivery[]> {
  const told: Delivery[] = [];
  for await (const batch of transport.history(scene.subscriptionOf('reader').sources, from)) told.push(...batch);
  return told;
}

function expectStory(told: readonly Delivery[], published: Parameters<Recorder['expectOrder']>[0]): void {
  expect(told.map(({ id }) => id).toSorted()).toEqual(published.map(({ id }) => id).toSorted());
  const byKey = Map.groupBy(told, ({ key }) => key);
  for (const [key, messages] of Map.groupBy(published, (message) => message.key)) {
    const got = (byKey.get(key) ?? []).map(({ id, body }) => [id, body.toString()]);
    expect(got, `order of key ${key}`).toEqual(messages.map(({ id, body }) => [id, body.toString()]));
  }
}
