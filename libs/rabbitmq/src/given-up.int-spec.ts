import { connect, type ChannelModel } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Delivery } from '#libs/messaging';
import { eventually, Scene, within } from '#libs/messaging/testing';
import { startRabbitRig, type RabbitRig } from '#libs/rabbitmq/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { deadQueueOf } from './names.js';

await describeWithDocker('what RabbitMQ gave up', () => {
  let rig: RabbitRig;
  let scene: Scene;
  let admin: ChannelModel;

  beforeAll(async () => {
    rig = await startRabbitRig();
    admin = await connect(rig.broker.url);
    admin.on('error', () => {});
    scene = new Scene(rig);
  }, 180_000);
  afterAll(async () => {
    await scene.end();
    await rig.dispose();
  });

  const options = (service: string, instance: string) => ({
    topology: [{ service, sources: [{ topic: 't', type: scene.typeOf('happened') }] }],
    maxBatch: 10,
    instance,
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });

  test('is handed over with its bytes, headers and the reason, until somebody has taken it', async () => {
    const service = scene.serviceOf('poisoned');
    const connectTo = (instance: string) => rig.connect(options(service, instance), { deliveryLimit: 1, lanes: 1 });
    const poison = scene.message({ body: Buffer.from('poison') });
    const first = await connectTo('publisher');
    expect(first.features.givesUp).toBe(true);
    const publisher = await first.publisher();
    await publisher.publish([poison]);
    for (let replica = 0; replica < 2; replica++) {
      const transport = await connectTo(`replica-${replica}`);
      const met = Promise.withResolvers<void>();
      const subscriber = await transport.subscriber();
      await subscriber.subscribe({ service, sources: [] }, () => (met.resolve(), new Promise(() => {})));
      await within(30_000, 'the poison delivered', met.promise);
      await rig.crash(transport);
    }
    const transport = await connectTo('reader');
    const subscriber = await transport.subscriber();
    const got: Delivery[] = [];
    await subscriber.subscribeToGivenUp?.(service, async (batch) => {
      got.push(...batch);
      if (got.length < 3) throw new Error('the database is away');
    });
    await eventually(() => got.length === 3, 'the third try');
    const { id, type, key, headers, body } = poison;
    expect(got[2]).toMatchObject({ id, type, key, headers, body });
    expect(got[2]!.origin).toBe(`${service}.dead #1, given up by ${service}.0: delivery_limit`);
    const channel = await admin.createChannel();
    const left = async () => (await channel.checkQueue(deadQueueOf(service))).messageCount;
    await Promise.all([subscriber.close(), publisher.close()]);
    expect(await left()).toBe(0);
    await Promise.all([first.close(), transport.close()]);
  });
});
