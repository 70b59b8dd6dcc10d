import { beforeAll, expect, it } from 'vitest';
import { describeAtLength } from '../tools/docker/available.js';
import { afterTests } from './after-tests.js';
import { preload } from './preloads/index.js';
import { embeddedPostgres } from './stores.js';
import { allApps, World } from './world.js';

const ATTEMPTS = 3;
const OPS_TOKEN = 'a token for the tests of ours';

await describeAtLength('a command that kills the process', () => {
  const reports: string[] = [];
  let world: World;

  beforeAll(async () => {
    world = await World.start(await embeddedPostgres(), {
      apps: { ...allApps(), payment: preload('abort-on-charge', { RETRY_ATTEMPTS: String(ATTEMPTS) }) },
      env: { OPS_TOKEN },
      report: (line) => void reports.push(line),
    });
  });
  afterTests((failed) => world?.stop(failed));

  it('is set aside after its attempts, and none of those that ran beside it', async () => {
    const good = world.placeMany(100, () => ({}), 20);
    const poison = await world.place({ token: 'tok_poison' });
    const orders = await world.untilAllSettled(await good);
    expect(orders.filter(({ status }) => status === 'completed')).toHaveLength(100);
    const letters = async () =>
      (await world.get<{ letters: object[] }>('payment', '/ops/dead-letters', OPS_TOKEN)).letters;
    await expect.poll(letters, { timeout: 120_000, interval: 500 }).toHaveLength(1);
    expect(await letters()).toMatchObject([{ type: 'payment.charge', key: poison, reason: 'hopeless' }]);
    expect(reports.filter((line) => line.startsWith('payment ended (SIGABRT)'))).toHaveLength(ATTEMPTS);
  });
});
