import { connect, type Channel, type ChannelModel } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Delivery } from '#libs/messaging';
import { eventually, Recorder, Scene } from '#libs/messaging/testing';
import { startRabbitRig, type RabbitRig } from '#libs/rabbitmq/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { EVENTS, queueOf } from './names.js';

await describeWithDocker('a lane of RabbitMQ', () => {
  let rig: RabbitRig;
  let scene: Scene;
  let admin: ChannelModel;
  let channel: Channel;

  beforeAll(async () => {
    rig = await startRabbitRig();
    admin = await connect(rig.broker.url);
  }, 180_000);
  afterAll(() => rig.dispose());
  beforeEach(async () => {
    scene = new Scene(rig);
    channel = await admin.createChannel();
    channel.on('error', () => {});
  });
  afterEach(() => scene.end());

  test('hands over a message whose timestamp is none', async () => {
    const reader = new Recorder();
    await scene.join(reader);
    const goZeroTime = { '!': 'timestamp', value: 2n ** 64n - 62_135_596_800n };
    channel.publish(EVENTS, scene.typeOf('happened'), Buffer.from('{}'), { headers: { cloudEvents_time: goZeroTime } });
    await eventually(() => reader.settled.length === 1, 'settled');
    expect(reader.settled[0]?.headers['time']).toMatch(/^\d{20}$/);
  });

  test('that fails gives back what it holds and begins anew', async () => {
    const service = scene.serviceOf('reader');
    const [got, lines]: [Delivery[], string[]] = [[], []];
    const transport = await rig.connect({
      topology: [scene.subscriptionOf('reader')],
      maxBatch: 10,
      instance: 'a',
      log: {
        debug() {},
        info() {},
        warn: (fields) => {
          if ('event' in fields && fields.event === 'batch_rejected') throw new Error('the disk is full');
        },
        error: (_, line) => void lines.push(line),
      },
    });
    const [subscriber, publisher] = [await transport.subscriber(), await transport.publisher()];
    await subscriber.subscribe({ service, sources: [] }, async (batch) => {
      got.push(...batch);
      if (got.length === 1) throw new Error('the database is away');
    });
    await publisher.publish([scene.message()]);
    await eventually(() => got.length === 2, 'delivered again');
    expect(lines).toEqual([expect.stringMatching(/-reader\.\d could not be read: Error: the disk is full/)]);
    await Promise.all([subscriber.close(), publisher.close()]);
    await transport.close();
  });
});
