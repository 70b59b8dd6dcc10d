import type { Channel, ChannelModel } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Delivery } from '#libs/messaging';
import { eventually, publishSurely, Recorder, Scene, within, silent } from '#libs/messaging/testing';
import { countsOf, startRabbitRig, type RabbitRig } from '#libs/rabbitmq/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { EVENTS, queueOf } from './names.js';

await describeWithDocker('a lane of RabbitMQ', () => {
  let rig: RabbitRig;
  let scene: Scene;
  let admin: ChannelModel;
  let channel: Channel;

  beforeAll(async () => {
    rig = await startRabbitRig();
    admin = await rig.broker.administer();
  }, 180_000);
  afterAll(() => rig.dispose());
  beforeEach(async () => {
    scene = new Scene(rig);
    channel = await admin.createChannel();
    channel.on('error', () => {});
  });
  afterEach(() => scene.end());

  /** Undefined where there is no such queue. */
  const consumersOf = async (queue: string) => (await countsOf(admin, queue))?.consumerCount;

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
        ...silent,
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

  test('has what arrives join a batch that waits, and hands over both again, in order, where that is rejected', async () => {
    const service = scene.serviceOf('reader');
    const transport = await rig.connect({
      topology: [scene.subscriptionOf('reader')],
      maxBatch: 10,
      instance: 'a',
      log: silent,
    });
    const [subscriber, publisher] = [await transport.subscriber(), await transport.publisher()];
    const messages = [1, 2, 3].map(() => scene.message({ key: 'one' }));
    const [first, second, third] = messages.map(({ id }) => id);
    const [handed, joining]: [string[][], string[]] = [[], []];
    await subscriber.subscribe({ service, sources: [] }, async (batch, joinable) => {
      handed.push(batch.map(({ id }) => id));
      if (handed.length > 1) return;
      await new Promise<void>((refused) =>
        joinable?.((read) => {
          joining.push(read().id);
          if (joining.length === 2) refused();
          return joining.length === 1;
        }),
      );
      throw new Error('the database is away');
    });
    await publisher.publish(messages.slice(0, 1));
    await eventually(() => handed.length === 1, 'handed over');
    await publisher.publish(messages.slice(1));
    await eventually(() => handed.length === 3, 'handed over again');
    expect(joining).toEqual([second, third]);
    expect(handed).toEqual([[first], [first, second], [third]]);
    await subscriber.close();
    for (const lane of [0, 1, 2, 3])
      expect(await countsOf(admin, queueOf(service, lane))).toMatchObject({ messageCount: 0 });
    await publisher.close();
    await transport.close();
  });

  test('takes what is published once its deleted queue is set up again', async () => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    await scene.join(reader);
    const queues = [0, 1, 2, 3].map((lane) => queueOf(scene.serviceOf('reader'), lane));
    for (const queue of queues) await channel.deleteQueue(queue);
    await eventually(
      async () => (await Promise.all(queues.map(consumersOf))).every((count) => count === 1),
      'consumers attached again',
    );
    const messages = scene.messages(100);
    await publisher.publish(messages);
    await reader.got(messages);
    reader.expectOrder(messages);
  });

  test('finds its queue again that was deleted while those of others were set up', async () => {
    const service = scene.serviceOf('reader');
    const type = scene.typeOf('happened');
    const others = Array.from({ length: 8 }, (_, n) => scene.serviceOf(`other-${n}`));
    const transport = await rig.connect({
      topology: [service, ...others].map((of) => ({ service: of, sources: [{ topic: 't', type }] })),
      maxBatch: 10,
      instance: 'a',
      log: silent,
    });
    const subscriber = await transport.subscriber();
    await subscriber.subscribe({ service, sources: [] }, async () => {});
    const queues = [0, 1, 2, 3].map((lane) => queueOf(service, lane));
    // As soon as one is there again, the set-up is past it, and busy with the rest.
    for (const queue of queues) {
      await channel.deleteQueue(queue);
      await eventually(async () => (await consumersOf(queue)) !== undefined, `${queue} is there again`, 10_000);
    }
    await Promise.all([subscriber.close(), transport.close()]);
  });

  test('says what keeps it from its queue, once, and goes on when that is mended', async () => {
    const reader = new Recorder();
    await scene.join(reader);
    const queue = queueOf(scene.serviceOf('reader'), 0);
    await channel.deleteExchange(EVENTS);
    await channel.assertExchange(EVENTS, 'fanout');
    await channel.deleteQueue(queue);
    const told = () => scene.lines.filter((line) => line.includes('exists with other arguments'));
    await eventually(() => told().length > 0, 'told');
    expect(told()[0]).toMatch(
      / error .*not attached to .*-reader\.0: the exchange events .* exists with other arguments: type/,
    );
    expect(await consumersOf(queue)).toBeUndefined();
    await channel.deleteExchange(EVENTS);
    await eventually(async () => (await consumersOf(queue)) === 1, 'attached');
    const messages = scene.messages(40);
    await publishSurely(await scene.publisher(), messages);
    await reader.got(messages);
    expect(told()).toHaveLength(1);
  });

  test('is refused where the user may not read its queue', async () => {
    const service = scene.serviceOf('reader');
    const [user, password] = [scene.serviceOf('user'), 'secret'];
    await rig.broker.run('rabbitmqctl', 'add_user', user, password);
    await rig.broker.run('rabbitmqctl', 'set_permissions', user, '.*', '.*', `^(?!${queueOf(service, 2)}$)`);
    const url = Object.assign(new URL(rig.broker.url), { username: user, password }).href;
    const topology = [scene.subscriptionOf('reader')];
    const transport = await rig.connect({ topology, maxBatch: 10, instance: 'a', log: silent }, { url });
    const subscriber = await transport.subscriber();
    const subscribing = subscriber.subscribe({ service, sources: [] }, async () => {});
    await expect(within(20_000, 'refused', subscribing)).rejects.toThrow(/refuses this user: .*-reader\.2/);
    await Promise.all([subscriber.close(), transport.close()]);
  });
});
