import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Behaviour } from './describe-transport.js';
import { eventually, within } from './eventually.js';
import { Recorder } from './recorder.js';
import { publishSurely, resolves } from './scene.js';

/** The store is killed and comes back. */
export function outage(behaviour: Behaviour): void {
  const options = { needs: 'kill', timeoutMs: 240_000 } as const;

  behaviour(
    'rejects a publish while the store is down, and publishes again after it',
    async (scene) => {
      const [reader, publisher, transport] = [new Recorder(), await scene.publisher(), await scene.connect()];
      await scene.join(reader);
      const [before, during, after] = [scene.messages(10), scene.messages(10), scene.messages(10)];
      await publisher.publish(before);
      await reader.got(before);
      await scene.killStore();
      expect(await within(60_000, 'the publish rejected', resolves(publisher.publish(during)))).toBe(false);
      expect(await within(60_000, 'the ping rejected', resolves(transport.ping()))).toBe(false);
      await scene.heal();
      await within(120_000, 'publishing again', publishSurely(publisher, after));
      await reader.got(after, 120_000);
      await eventually(() => resolves(transport.ping()), 'a ping answered again');
      await transport.close();
    },
    options,
  );

  behaviour(
    'keeps what is stored and not yet read when the store is killed',
    async (scene) => {
      const [reader, publisher] = [new Recorder(), await scene.publisher()];
      const messages = scene.messages(200);
      await publisher.publish(messages);
      await scene.killStore();
      await scene.heal();
      await scene.join(reader);
      await reader.got(messages, 120_000);
      reader.expectOrder(messages);
    },
    options,
  );

  behaviour(
    'loses nothing and keeps order when the store is killed while publishing and consuming',
    async (scene) => {
      const [reader, publisher] = [new Recorder(() => pause(2)), await scene.publisher()];
      await scene.join(reader, { maxBatch: 20 });
      await scene.join(reader, { maxBatch: 20 });
      const messages = scene.messages(3_000, 30);
      const publishing = publishSurely(publisher, messages, 30);
      for (const threshold of [300, 1_200]) {
        await eventually(() => reader.settled.length > threshold, `${threshold} messages settled`, 120_000);
        await scene.killStore();
        await pause(300);
        await scene.heal();
      }
      await within(120_000, 'all published', publishing);
      await reader.got(messages, 120_000);
      reader.expectOrder(messages);
    },
    options,
  );

  behaviour(
    'waits for a store that is not there yet',
    async (scene) => {
      const reader = new Recorder();
      await scene.killStore();
      const opening = Promise.all([scene.publisher(), scene.join(reader)]);
      opening.catch(() => {});
      await pause(1_000);
      await scene.heal();
      const [publisher] = await within(120_000, 'publisher and subscriber open', opening);
      const messages = scene.messages(20);
      await within(120_000, 'publishing', publishSurely(publisher, messages));
      await reader.got(messages);
    },
    options,
  );
}
