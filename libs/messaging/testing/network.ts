import { setTimeout as pause } from 'node:timers/promises';
import type { Behaviour } from './describe-transport.js';
import { eventually, within } from './eventually.js';
import { Recorder } from './recorder.js';
import { publishSurely, resolves } from './scene.js';

/** The store is well, but the way to it is not. */
export function network(behaviour: Behaviour): void {
  const options = { needs: 'network', timeoutMs: 300_000 } as const;

  for (const [how, title] of [
    ['cut', 'connections are cut'],
    ['hang', 'the network hangs'],
  ] as const) {
    behaviour(
      `loses nothing and keeps order when ${title} while publishing and consuming`,
      async (scene) => {
        const [reader, publisher] = [new Recorder(() => pause(2)), await scene.publisher()];
        await scene.join(reader, { maxBatch: 20 });
        await scene.join(reader, { maxBatch: 20 });
        const messages = scene.messages(2_000, 20);
        const publishing = publishSurely(publisher, messages, 20);
        await eventually(() => reader.settled.length > 200, 'work under way');
        await scene.breakNetwork(how);
        await pause(2_000);
        await scene.heal();
        await within(180_000, 'all published', publishing);
        await reader.got(messages, 180_000);
        reader.expectOrder(messages);
      },
      options,
    );

    behaviour(
      `settles a publish within bounded time while ${title}, and truly`,
      async (scene) => {
        const [reader, publisher] = [new Recorder(), await scene.publisher()];
        await scene.join(reader);
        const [before, during, after] = [scene.messages(10), scene.messages(10), scene.messages(10)];
        await publisher.publish(before);
        await reader.got(before);
        await scene.breakNetwork(how);
        const stored = await within(90_000, 'the publish settled', resolves(publisher.publish(during)));
        await scene.heal();
        await within(120_000, 'publishing again', publishSurely(publisher, after));
        await reader.got(stored ? [...during, ...after] : after, 180_000);
      },
      options,
    );
  }
}
