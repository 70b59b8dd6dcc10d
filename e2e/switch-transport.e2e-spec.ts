import { afterEach, expect, it } from 'vitest';
import { describeWithDocker } from '../tools/docker/available.js';
import { stockOf, violations } from './invariants.js';
import { embeddedPostgres, rabbitmq, type Store } from './stores.js';
import { World } from './world.js';

interface Backlog {
  readonly service: string;
  readonly messages: number;
}

const OPS_TOKEN = 'a token for the tests of ours';

/** The steps are those of libs/messaging/README.md, "Switching the transport". */
await describeWithDocker('a switch of the transport', () => {
  let world: World | undefined;
  const stores: Store[] = [];

  afterEach(async () => {
    await world?.stop();
    for (const store of stores.splice(0)) await store.stop();
  });

  it('loses nothing of the orders in flight', async () => {
    const from = await embeddedPostgres();
    const to = await rabbitmq();
    stores.push(from, to);
    world = await World.start(from);
    const before = await stockOf(world);
    await world.placeMany(60, (n) => (n % 5 === 0 ? { country: 'AQ' } : {}), 30);

    world = await world.goOn(from, { PUBLISH: 'false', OPS_TOKEN });
    await world.placeMany(10, () => ({}));
    await untilDrained(world);
    world = await world.goOn(to);

    await world.placeMany(10, () => ({}));
    expect(await violations(world, before)).toEqual([]);
  });
});

/** Everything that the old store held has been handled. */
async function untilDrained(world: World): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const response = await fetch(`${world.platform.url('order')}/ops/lag`, {
      headers: { authorization: `Bearer ${OPS_TOKEN}` },
    });
    const backlog = (await response.json()) as Backlog[];
    if (backlog.every(({ messages }) => messages === 0)) return;
    if (Date.now() > deadline) throw new Error(`still in the old store: ${JSON.stringify(backlog)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
