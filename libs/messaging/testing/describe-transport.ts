import { afterAll, beforeAll, describe, test, type TestContext } from 'vitest';
import { delivery } from './delivery.js';
import { failure } from './failure.js';
import { load } from './load.js';
import { network } from './network.js';
import { order } from './order.js';
import { outage } from './outage.js';
import { replay } from './replay.js';
import type { Rig } from './rig.js';
import { Scene, type Cast } from './scene.js';

/** What a test of the suite needs of its rig; without it the test is skipped. */
export type Ability = 'kill' | 'network';

/** Declares one behaviour. Its title is the same for every transport: `npm run features` puts them side by side. */
export type Behaviour = (
  title: string,
  play: (scene: Scene) => Promise<void>,
  options?: { readonly cast?: Cast; readonly needs?: Ability; readonly timeoutMs?: number },
) => void;

/** The bar for every adapter: one rig start, then each promise of the port as a test of its own. */
export function describeTransport(name: string, { start }: { start(): Promise<Rig> }): void {
  describe(name, { timeout: 120_000 }, () => {
    let rig: Rig;
    beforeAll(async () => void (rig = await start()), 180_000);
    afterAll(async () => rig?.dispose(), 60_000);

    const behaviour: Behaviour = (title, play, { cast, needs, timeoutMs = 120_000 } = {}) =>
      test(title, { timeout: timeoutMs }, async (context) => {
        if (needs) context.skip(!rig[needs], `this rig has no ${needs}`);
        const scene = new Scene(rig, cast);
        printFailure(context, scene);
        try {
          await play(scene);
        } finally {
          await scene.end();
        }
      });

    for (const declare of [delivery, order, failure, replay, outage, network, load]) declare(behaviour);
  });
}

/** At once: should the run be ended from outside, its summary never comes. */
function printFailure(context: TestContext, scene: Scene): void {
  context.onTestFailed(({ task }) => {
    const errors = task.result?.errors?.map(({ message }) => message) ?? [];
    console.error([...errors, "the transports' last lines:", ...scene.lines.slice(-40)].join('\n'));
  });
}
