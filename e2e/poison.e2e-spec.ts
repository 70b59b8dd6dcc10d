import { describe, expect, it } from 'vitest';
import { describeAtLength, describeWithDocker } from '../tools/docker/available.js';
import { afterTests } from './after-tests.js';
import { preload } from './preloads/index.js';
import { embeddedPostgres, rabbitmq, type Store } from './stores.js';
import { allApps, World } from './world.js';

const ATTEMPTS = 3;
const OPS_TOKEN = 'a token for the tests of ours';

interface DeadLetter {
  readonly type: string;
  readonly key: string;
  readonly reason: string;
}

function describePoison(name: string, startStore: () => Promise<Store>) {
  describe(`a message that kills the process on ${name}`, () => {
    let world: World | undefined;
    let store: Store | undefined;
    afterTests(async (failed) => {
      await world?.stop(failed);
      await store?.stop();
    });

    it('is set aside after its attempts, and 500 good orders settle around it', async () => {
      const reports: string[] = [];
      store = await startStore();
      world = await World.start(store, {
        apps: { ...allApps(), shipping: preload('abort-on-poison', { RETRY_ATTEMPTS: String(ATTEMPTS) }) },
        env: { OPS_TOKEN },
        report: (line) => void reports.push(line),
      });
      const good = world.placeMany(500, () => ({}), 20);
      const poison = await world.place({ city: 'Poison' });
      const orders = await world.untilAllSettled(await good);
      expect(orders.filter(({ status }) => status === 'completed')).toHaveLength(500);

      const deaths = reports.filter((line) => line.startsWith('shipping ended (SIGABRT)'));
      expect(deaths.length).toBeGreaterThan(0);
      expect(deaths.length).toBeLessThanOrEqual(ATTEMPTS);
      const { letters } = await world.get<{ letters: DeadLetter[] }>('shipping', '/ops/dead-letters', OPS_TOKEN);
      expect(letters).toMatchObject([{ type: 'order.placed', key: poison, reason: 'hopeless' }]);
      expect((await world.order(poison)).settled).toBe(false);
    });
  });
}

await describeAtLength('a message that kills the process', () => describePoison('postgres', embeddedPostgres));
await describeWithDocker('a message that kills the process', () => describePoison('rabbitmq', rabbitmq));
