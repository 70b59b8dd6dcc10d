import { afterEach, expect, it } from 'vitest';
import { eventually } from '#libs/messaging/testing';
import { services } from '../tools/platform/apps.js';
import { describeWithDocker } from '../tools/docker/available.js';
import { hasFailed } from './after-tests.js';
import { stockOf, violations } from './invariants.js';
import { PATIENCE_MS } from './patience.js';
import { embeddedPostgres, kafka, rabbitmq, type Store } from './stores.js';
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

  afterEach(async ({ task }) => {
    await world?.stop(hasFailed(task));
    world = undefined;
    for (const store of stores.splice(0)) await store.stop();
  });

  it.each([
    ['postgres', 'RabbitMQ', embeddedPostgres, rabbitmq],
    ['RabbitMQ', 'Kafka', rabbitmq, kafka],
  ])('from %s to %s loses nothing of the orders in flight', async (_, __, startOld, startNew) => {
    const from = await startOld();
    stores.push(from);
    const to = await startNew();
    stores.push(to);
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

/** Everything that the old store held has been handled. Each service is asked: it alone knows what it has in hand. */
async function untilDrained(world: World): Promise<void> {
  const left = async () => {
    const seen = await Promise.all(services.map((service) => world.get<Backlog[]>(service, '/ops/lag', OPS_TOKEN)));
    return seen.flat().filter(({ messages }) => messages > 0);
  };
  await eventually(async () => (await left()).length === 0, 'the old store empty', PATIENCE_MS);
}
