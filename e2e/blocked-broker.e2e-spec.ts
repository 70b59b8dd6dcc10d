import { afterAll, beforeAll, expect, it, onTestFailed } from 'vitest';
import { startRabbitBroker, type RabbitBroker } from '#libs/rabbitmq/testing';
import { describeWithDocker } from '../tools/docker/available.js';
import { stockOf, violations } from './invariants.js';
import { placeOnce } from './load/flood.js';
import { World } from './world.js';

await describeWithDocker('while RabbitMQ blocks its publishers for want of memory', () => {
  let broker: RabbitBroker;
  let world: World;
  let failed = false;

  beforeAll(async () => {
    broker = await startRabbitBroker();
    world = await World.start(
      { name: 'rabbitmq', env: { TRANSPORT: 'rabbitmq', RABBITMQ_URL: broker.url }, stop: () => broker.stop() },
      { env: { OUTBOX_MAX_AGE_MS: '3000' } },
    );
  });
  afterAll(async () => {
    await world?.stop(failed);
    await broker?.stop();
  });

  it('orders are taken for a while, then no more; and once it has memory again, those taken settle', async () => {
    onTestFailed(() => void (failed = true));
    const before = await stockOf(world);
    const place = async () => {
      const { status, headers, body } = await placeOnce(world.platform.url('order'));
      if (body.orderId) world.placed.push(body.orderId);
      return { status, retryAfter: Number(headers['retry-after'] ?? 0) };
    };
    await world.until(await world.place(), 'settled');
    await broker.run('rabbitmqctl', 'set_vm_memory_high_watermark', '0.000001');
    try {
      expect((await place()).status).toBe(202);
      await expect.poll(place, { timeout: 60_000, interval: 100 }).toMatchObject({ status: 503 });
      expect((await place()).retryAfter).toBeGreaterThan(0);
    } finally {
      await broker.run('rabbitmqctl', 'set_vm_memory_high_watermark', '0.6');
    }
    await expect.poll(place, { timeout: 60_000, interval: 100 }).toMatchObject({ status: 202 });
    expect(world.placed.length).toBeGreaterThan(10);
    expect(await violations(world, before)).toEqual([]);
  });
});
