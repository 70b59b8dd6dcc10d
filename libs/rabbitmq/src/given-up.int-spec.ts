import { connect } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Delivery } from '#libs/messaging';
import { eventually, Scene, within, silent } from '#libs/messaging/testing';
import { startRabbitRig, type RabbitRig } from '#libs/rabbitmq/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';

await describeWithDocker('what went back to RabbitMQ unsettled too often', () => {
  let rig: RabbitRig;
  let scene: Scene;

  beforeAll(async () => {
    rig = await startRabbitRig();
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
    log: silent,
  });

  test('is marked so and handed over until it is settled, and the lane goes on', async () => {
    const service = scene.serviceOf('poisoned');
    const connectTo = (instance: string) => rig.connect(options(service, instance), { deliveryLimit: 2, lanes: 1 });
    const poison = scene.message({ body: Buffer.from('poison') });
    const first = await connectTo('publisher');
    const publisher = await first.publisher();
    await publisher.publish([poison]);
    for (let replica = 0; replica < 2; replica++) {
      const transport = await connectTo(`replica-${replica}`);
      const met = Promise.withResolvers<readonly Delivery[]>();
      const subscriber = await transport.subscriber();
      await subscriber.subscribe({ service, sources: [] }, (batch) => (met.resolve(batch), new Promise(() => {})));
      const [delivery] = await within(30_000, 'the poison delivered', met.promise);
      expect(delivery).toMatchObject({ id: poison.id, redelivered: replica > 0 });
      expect(delivery).not.toHaveProperty('givenUp');
      await rig.crash(transport);
    }
    const transport = await connectTo('survivor');
    const subscriber = await transport.subscriber();
    const got: Delivery[] = [];
    await subscriber.subscribe({ service, sources: [] }, async (batch) => {
      got.push(...batch);
      if (got.length < 3) throw new Error('the database is away');
    });
    await eventually(() => got.length === 3, 'the third try');
    const { id, type, key, headers, body } = poison;
    for (const one of got) expect(one).toMatchObject({ id, type, key, headers, body, givenUp: true });
    await publisher.publish([scene.message({ body: Buffer.from('fine') })]);
    await eventually(() => got.length === 4, 'the next message');
    expect(got[3]).not.toHaveProperty('givenUp');
    await Promise.all([publisher.close(), subscriber.close()]);
    await Promise.all([first.close(), transport.close()]);
  });

  test('is not what a handler rejects for longer than the broker waits elsewhere', async () => {
    for (const name of ['consumer_timeout', 'channel_tick_interval'])
      await rig.broker.run('rabbitmqctl', 'eval', `application:set_env(rabbit, ${name}, 1000).`);
    const service = scene.serviceOf('patient');
    const transport = await rig.connect(options(service, 'a'), { deliveryLimit: 1, lanes: 1 });
    const [publisher, subscriber] = [await transport.publisher(), await transport.subscriber()];
    const got: Delivery[] = [];
    let isAway = true;
    await subscriber.subscribe({ service, sources: [] }, async (batch) => {
      got.push(...batch);
      if (isAway) throw new Error('the database is away');
    });
    await publisher.publish([scene.message()]);
    await eventually(() => got.length > 0, 'rejected');
    for (let time = 0; time < 2; time++) await heldTooLong(scene.serviceOf(`elsewhere-${time}`));
    isAway = false;
    const tries = got.length;
    await eventually(() => got.length > tries, 'tried again');
    for (const one of got) expect(one).not.toHaveProperty('givenUp');
    await Promise.all([publisher.close(), subscriber.close()]);
    await transport.close();
  });

  /** Resolves once the broker has closed the channel of somebody who settles nothing. */
  async function heldTooLong(queue: string): Promise<void> {
    const connection = await connect(rig.broker.url);
    const channel = await connection.createChannel();
    const ended = Promise.withResolvers<Error>();
    channel.on('error', ended.resolve);
    await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    channel.sendToQueue(queue, Buffer.from('{}'));
    await channel.consume(queue, () => {});
    expect((await within(30_000, 'the channel closed', ended.promise)).message).toContain('acknowledgement');
    await connection.close();
  }
});
