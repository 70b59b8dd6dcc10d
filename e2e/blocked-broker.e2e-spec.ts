import { beforeAll, describe, expect, it } from 'vitest';
import { startKafkaRig } from '#libs/kafka/testing';
import { startRabbitBroker } from '#libs/rabbitmq/testing';
import { describeWithDocker } from '../tools/docker/available.js';
import { afterTests } from './after-tests.js';
import { stockOf, violations } from './invariants.js';
import { placeOnce } from './load/flood.js';
import type { Store } from './stores.js';
import { World } from './world.js';

interface HoldingBack extends Store {
  /** Takes next to nothing any more from those who publish. */
  holdBack(): Promise<unknown>;
  letGo(): Promise<unknown>;
}

async function rabbitmq(): Promise<HoldingBack> {
  const broker = await startRabbitBroker();
  const watermark = (part: string) => broker.run('rabbitmqctl', 'set_vm_memory_high_watermark', part);
  return {
    name: 'rabbitmq',
    env: { TRANSPORT: 'rabbitmq', RABBITMQ_URL: broker.url },
    holdBack: () => watermark('0.000001'),
    letGo: () => watermark('0.6'),
    stop: () => broker.stop(),
  };
}

async function kafka(): Promise<HoldingBack> {
  const rig = await startKafkaRig();
  return {
    name: 'kafka',
    env: { TRANSPORT: 'kafka', KAFKA_BROKERS: rig.brokers.join(',') },
    holdBack: () => rig.throttle(10),
    letGo: () => rig.throttle(),
    stop: () => rig.dispose(),
  };
}

function describeHeldBack(title: string, start: () => Promise<HoldingBack>) {
  describe(title, () => {
    let store: HoldingBack;
    let world: World;

    beforeAll(async () => {
      store = await start();
      world = await World.start(store, { env: { OUTBOX_MAX_AGE_MS: '3000' } });
    });
    afterTests(async (failed) => {
      await world?.stop(failed);
      await store?.stop();
    });

    it('orders are taken for a while, then no more; and once it is over, those taken settle', async () => {
      const before = await stockOf(world);
      const place = async () => {
        const { status, headers, body } = await placeOnce(world.platform.url('order'));
        if (body.orderId) world.placed.push(body.orderId);
        return { status, retryAfter: Number(headers['retry-after'] ?? 0) };
      };
      await world.until(await world.place(), 'settled');
      await store.holdBack();
      try {
        expect((await place()).status).toBe(202);
        await expect.poll(place, { timeout: 60_000, interval: 100 }).toMatchObject({ status: 503 });
        expect((await place()).retryAfter).toBeGreaterThan(0);
      } finally {
        await store.letGo();
      }
      await expect.poll(place, { timeout: 60_000, interval: 100 }).toMatchObject({ status: 202 });
      expect(world.placed.length).toBeGreaterThan(10);
      expect(await violations(world, before)).toEqual([]);
    });
  });
}

await describeWithDocker('while the broker holds back its publishers', () => {
  describeHeldBack('RabbitMQ, which blocks them for want of memory', rabbitmq);
  describeHeldBack('Kafka, which throttles them by a quota', kafka);
});
