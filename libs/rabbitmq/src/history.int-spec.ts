import type { ChannelModel } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { GroupExists, type Delivery, type Transport } from '#libs/messaging';
import { eventually, Recorder, resolves, Scene, within, silent } from '#libs/messaging/testing';
import { countsOf, startRabbitRig, type RabbitRig } from '#libs/rabbitmq/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { EVENTS, LOG, queueOf, slotsOf, unfinishedOf } from './names.js';
import { hasExchange, onChannel } from './topology.js';

await describeWithDocker('what RabbitMQ has stored', () => {
  let rig: RabbitRig;
  let scene: Scene;
  let admin: ChannelModel;

  beforeAll(async () => {
    rig = await startRabbitRig();
    admin = await rig.broker.administer();
  }, 180_000);
  afterAll(() => rig.dispose());
  beforeEach(() => {
    scene = new Scene(rig);
  });
  afterEach(() => scene.end());

  const group = () => scene.subscriptionOf('reader', 'late');
  const first = () => queueOf(group().service, 0);

  const toldBy = async (transport: Transport) => {
    const told: Delivery[] = [];
    const { sources } = scene.subscriptionOf('reader');
    for await (const batch of transport.history(sources, new Date(0))) told.push(...batch);
    return told;
  };

  /** Resolves when a part of it has been copied. */
  const created = async (by?: Transport) => {
    const [transport, publisher] = [by ?? (await scene.connect()), await scene.publisher()];
    const messages = scene.messages(2_000, 20);
    // As much as is confirmed in time on any machine.
    for (let n = 0; n < messages.length; n += 200) await publisher.publish(messages.slice(n, n + 200));
    await rig.network.slow(30);
    const creation = transport.createGroup(group(), new Date(0));
    creation.catch(() => {});
    await eventually(async () => ((await countsOf(admin, first()))?.messageCount ?? 0) > 0, 'copying');
    return { messages, publisher, transport, creation };
  };
  const expectAnew = async (messages: Awaited<ReturnType<typeof created>>['messages']) => {
    const [transport, late] = [await scene.connect(), new Recorder()];
    expect(await transport.createGroup(group(), new Date(0))).toBe(messages.length);
    await transport.close();
    await scene.join(late, { subscription: group() });
    await late.got(messages);
    late.expectOnce(messages);
  };

  test.each(['ping', 'history'] as const)('is kept again once a %s has missed it', async (by) => {
    const [transport, publisher] = [await scene.connect(), await scene.publisher()];
    const history = () => toldBy(transport);
    const ask = { ping: () => transport.ping(), history };
    await publisher.publish(scene.messages(1));
    expect(await history()).toHaveLength(1);
    await onChannel(admin, (channel) => channel.deleteQueue(LOG));
    await eventually(() => resolves(ask[by]()), 'all there again');
    await publisher.publish([...scene.messages(2), scene.message({ type: 'nobody-cares' })]);
    expect(await history()).toHaveLength(2);
    await transport.close();
  });

  test('is told whatever topic a foreign message names, as it is delivered', async () => {
    const [transport, reader] = [await scene.connect(), new Recorder()];
    await scene.join(reader);
    const [own] = scene.messages(1);
    const foreign = { ...own!, topic: 'elsewhere' };
    await (await scene.publisher()).publish([foreign]);
    await reader.got([foreign]);
    expect(await toldBy(transport)).toMatchObject([{ id: foreign.id, topic: 'elsewhere' }]);
    await transport.close();
  });

  test('is told by the type that queues are bound to, as it is delivered', async () => {
    const [transport, reader] = [await scene.connect(), new Recorder()];
    await scene.join(reader);
    const [happened, other] = [scene.typeOf('happened'), scene.typeOf('other')];
    await onChannel(admin, async (channel) => {
      for (const [messageId, routedBy, cloudEvents_type] of [
        ['foreign', other, happened],
        ['delivered', happened, other],
      ] as const)
        channel.publish(EVENTS, routedBy, Buffer.from('{}'), { messageId, headers: { cloudEvents_type } });
    });
    await eventually(() => reader.settled.length > 0, 'delivered');
    const delivered = [{ id: 'delivered', type: other }];
    expect(reader.settled).toMatchObject(delivered);
    expect(await toldBy(transport)).toMatchObject(delivered);
    await transport.close();
  });

  test('leaves nothing of a group whose connection is lost while it is copied', { timeout: 120_000 }, async () => {
    const { messages, transport, creation } = await created();
    await rig.network.cut();
    await rig.network.restore();
    await expect(within(60_000, 'the creation settled', creation)).rejects.toThrow(/^(?!.*create it again)/);
    expect(await countsOf(admin, first())).toBeUndefined();
    await transport.close();
    await expectAnew(messages);
  });

  test('begins no service with half a group, and makes it anew', { timeout: 120_000 }, async () => {
    const { messages, transport, creation } = await created();
    await rig.crash(transport);
    await rig.network.restore();
    await expect(within(30_000, 'the creation settled', creation)).rejects.toThrow(
      /may be in another creation by now: create it again; to be rid of it, .* delete the/,
    );
    const [late, creator] = [new Recorder(), await scene.connect()];
    const join = () => scene.join(late, { subscription: group() });
    const refused = await scene.connect();
    const subscriber = await refused.subscriber();
    // Its connection is up before.
    await subscriber.subscribe(scene.subscriptionOf('reader'), async () => {});
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(subscriber.subscribe(group(), async () => {})).rejects.toThrow(/creation was broken off/);
    await Promise.all([subscriber.close(), refused.close()]);
    // As processes that are started again and again.
    const joined = Promise.all([1, 2, 3].map(() => eventually(() => resolves(join()), 'joined')));
    expect(await creator.createGroup(group(), new Date(0))).toBe(messages.length);
    await joined;
    await late.got(messages);
    late.expectOnce(messages);
    await creator.close();
  });

  test('keeps a process of a group away until all of it is copied', { timeout: 120_000 }, async () => {
    const { messages, publisher, transport, creation } = await created();
    const late = new Recorder();
    const join = () => scene.join(late, { subscription: group() });
    await expect(join()).rejects.toThrow(/is being created/);
    const during = scene.messages(200, 20);
    await publisher.publish(during);
    await rig.network.restore();
    await creation;
    await join();
    await late.got([...messages, ...during]);
    late.expectOnce([...messages, ...during]);
    late.expectOrder([...messages, ...during]);
    await transport.close();
  });

  test('makes a group anew with fewer lanes than that which was broken off', { timeout: 120_000 }, async () => {
    const options = { topology: [], maxBatch: 10, instance: 'a', log: silent };
    const { messages, transport, creation } = await created(await rig.connect(options, { lanes: 8 }));
    await rig.crash(transport);
    await rig.network.restore();
    await expect(within(30_000, 'the creation settled', creation)).rejects.toThrow(/create it again/);
    await expectAnew(messages);
  });

  test('has made a group when the connection is lost while the last of it is done', { timeout: 120_000 }, async () => {
    const { messages, transport, creation } = await created();
    const { service } = group();
    await rig.network.restore();
    // Its routes take many answers more.
    await rig.network.slow(250);
    await eventually(() => hasExchange(admin, service), 'its own exchange');
    await rig.network.cut();
    expect(await hasExchange(admin, unfinishedOf(service)), 'cut before the end').toBe(true);
    await rig.network.restore();
    expect(await within(60_000, 'the creation settled', creation)).toBe(messages.length);
    await expect(transport.createGroup(group(), new Date(0))).rejects.toThrow(GroupExists);
    const late = new Recorder();
    await scene.join(late, { subscription: group() });
    await late.got(messages);
    late.expectOnce(messages);
    await transport.close();
  });

  test('keeps what waits for a group that loses its exchange, though the end of its creation was broken off', async () => {
    const [transport, publisher, late] = [await scene.connect(), await scene.publisher(), new Recorder()];
    const [copied, waiting] = [scene.messages(50), scene.messages(50)];
    const { service } = group();
    await publisher.publish(copied);
    await transport.createGroup(group(), new Date(0));
    await onChannel(admin, (channel) => channel.assertExchange(unfinishedOf(service), 'direct'));
    const member = await scene.join(late, { subscription: group() });
    await late.got(copied);
    await member.leave();
    await publisher.publish(waiting);
    await onChannel(admin, (channel) => channel.deleteExchange(service));
    await expect(transport.createGroup(group(), new Date(0))).rejects.toThrow(GroupExists);
    await scene.join(late, { subscription: group() });
    await late.got(waiting);
    late.expectOnce([...copied, ...waiting]);
    await transport.close();
  });

  test('makes no group where only the queues of one were deleted', async () => {
    const transport = await scene.connect();
    const { service } = group();
    await transport.createGroup(group(), new Date(0));
    await onChannel(admin, async (channel) => {
      for (let lane = 0; lane < 4; lane++) await channel.deleteQueue(queueOf(service, lane));
    });
    await expect(transport.createGroup(group(), new Date(0))).rejects.toThrow(GroupExists);
    await transport.close();
  });

  test('makes no group named as the exchange of something else', async () => {
    const transport = await scene.connect();
    const creation = transport.createGroup({ ...group(), service: EVENTS }, new Date(0));
    await expect(within(10_000, 'answered', creation)).rejects.toThrow(GroupExists);
    await transport.close();
  });

  test('gives a group foreign messages as those are delivered', async () => {
    const [reader, late, transport] = [new Recorder(), new Recorder(), await scene.connect()];
    await scene.join(reader);
    const long = 'x'.repeat(300);
    const foreign = [
      { messageId: 'typed', headers: { cloudEvents_type: long } },
      { headers: { cloudEvents_id: long } },
      { messageId: 'two lanes', headers: { cloudEvents_type: slotsOf(1, 4)[0] } },
      { messageId: 'of no known content', headers: { 'cloudEvents_content-type': long } },
    ];
    await onChannel(admin, async (channel) => {
      for (const options of foreign) channel.publish(EVENTS, scene.typeOf('happened'), Buffer.from('{}'), options);
    });
    const told = ({ settled }: Recorder) =>
      settled.map(({ id, type, headers }) => `${id} ${type} ${headers['content-type']}`).toSorted();
    await eventually(() => reader.settled.length === foreign.length, 'delivered');
    expect(await transport.createGroup(group(), new Date(0))).toBe(foreign.length);
    const counts = await Promise.all([0, 1, 2, 3].map((lane) => countsOf(admin, queueOf(group().service, lane))));
    expect(counts.reduce((sum, count) => sum + (count?.messageCount ?? 0), 0)).toBe(foreign.length);
    await scene.join(late, { subscription: group() });
    await eventually(() => late.settled.length === foreign.length, 'all of them');
    expect(told(late)).toEqual(told(reader));
    await transport.close();
  });

  test('says at once what refuses a group', async () => {
    const [user, password] = [scene.serviceOf('user'), 'secret'];
    const { service } = group();
    await rig.broker.run('rabbitmqctl', 'add_user', user, password);
    await rig.broker.run('rabbitmqctl', 'set_permissions', user, `^(?!${service})`, '.*', '.*');
    const url = Object.assign(new URL(rig.broker.url), { username: user, password }).href;
    const transport = await rig.connect({ topology: [], maxBatch: 10, instance: 'a', log: silent }, { url });
    const creation = transport.createGroup(group(), new Date(0));
    await expect(within(15_000, 'answered', creation)).rejects.toThrow(/ACCESS_REFUSED/);
    await transport.close();
  });

  test('makes a group once, whoever asks at the same time', async () => {
    const [publisher, one, other] = [await scene.publisher(), await scene.connect(), await scene.connect()];
    const messages = scene.messages(100);
    await publisher.publish(messages);
    const creations = [one, one, other].map((transport) => transport.createGroup(group(), new Date(0)));
    const settled = await Promise.allSettled(creations);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toEqual([{ status: 'fulfilled', value: 100 }]);
    for (const each of settled) if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(GroupExists);
    const late = new Recorder();
    await scene.join(late, { subscription: group() });
    await late.got(messages);
    late.expectOnce(messages);
    await Promise.all([one.close(), other.close()]);
  });
});
