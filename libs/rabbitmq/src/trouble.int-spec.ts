import { connect, type Channel, type ChannelModel, type ConsumeMessage } from 'amqplib';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { eventually, publishSurely, Recorder, resolves, Scene, within, silent } from '#libs/messaging/testing';
import { startRabbitRig, type RabbitRig } from '#libs/rabbitmq/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { closeChannel } from './close-channel.js';
import { EVENTS, queueOf } from './names.js';
import type { RabbitTransport } from './rabbit-transport.js';
import { TopologyMismatch } from './refusals.js';

await describeWithDocker('RabbitMQ in trouble', () => {
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

  const lanes = () => [0, 1, 2, 3].map((lane) => queueOf(scene.serviceOf('reader'), lane));
  const options = (service: string, instance: string) => ({
    topology: [{ service, sources: [{ topic: 't', type: scene.typeOf('happened') }] }],
    maxBatch: 10,
    instance,
    log: silent,
  });

  test('channels closed by the broker are opened again, and nothing is lost', async () => {
    const [reader, publisher] = [new Recorder(() => pause(2)), await scene.publisher()];
    await scene.join(reader, { maxBatch: 10 });
    const messages = scene.messages(1_500, 30);
    const publishing = publishSurely(publisher, messages, 30);
    for (const count of [200, 600]) {
      await eventually(() => reader.settled.length > count, `${count} settled`);
      // An unknown delivery tag: the broker closes each channel, and no connection.
      await rig.broker.run(
        'rabbitmqctl',
        'eval',
        "[rabbit_channel:do(P, {'basic.ack', 99999999, false}) || P <- rabbit_channel:list()].",
      );
    }
    await publishing;
    await reader.got(messages);
    reader.expectOrder(messages);
    expect(scene.lines.join('\n')).toContain('unknown delivery tag');
  });

  test('a channel that is being closed has ended when the connection is lost', async () => {
    const connection = await connect(rig.url);
    connection.on('error', () => {});
    const open = await connection.createChannel();
    await rig.network.hang();
    const closing = closeChannel(open);
    await rig.network.restore();
    await within(5_000, 'the channel closed', closing);
  });

  test('a deleted exchange is set up again with all bindings', async () => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    await scene.join(reader);
    await publisher.publish(scene.messages(1));
    await channel.deleteExchange(EVENTS);
    const messages = scene.messages(50);
    expect(await resolves(publisher.publish(messages))).toBe(false);
    await publishSurely(publisher, messages);
    await reader.got(messages);
  });

  test("a service's deleted exchange is set up again once a ping has missed it", async () => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    const { transport } = await scene.join(reader);
    await transport.ping();
    await channel.deleteExchange(scene.serviceOf('reader'));
    await expect(transport.ping()).rejects.toThrow(/no exchange/);
    await eventually(() => resolves(transport.ping()), 'all there again');
    const messages = scene.messages(50);
    await publisher.publish(messages);
    await reader.got(messages);
  });

  test('a purged queue loses what was in it and nothing that comes later', async () => {
    const gate = Promise.withResolvers<void>();
    const [reader, publisher] = [new Recorder(() => gate.promise), await scene.publisher()];
    await scene.join(reader, { maxBatch: 5 });
    await publisher.publish(scene.messages(500, 50));
    await eventually(() => reader.batches.length > 0, 'a running batch');
    for (const queue of lanes()) await channel.purgeQueue(queue);
    gate.resolve();
    const messages = scene.messages(100);
    await publisher.publish(messages);
    await reader.got(messages);
    reader.expectOrder(reader.settled);
    expect(reader.settled.length).toBeLessThan(500);
  });

  test('a publish rejects while the broker blocks for lack of memory, and all goes on after it', async () => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    await scene.join(reader);
    const [before, during, waiting, after] = [1, 2, 3, 4].map(() => scene.messages(10)) as [M, M, M, M];
    await publisher.publish(before);
    await reader.got(before);
    await rig.broker.run('rabbitmqctl', 'set_vm_memory_high_watermark', '0.000001');
    try {
      await expect(within(30_000, 'the publish settled', publisher.publish(during))).rejects.toThrow(
        'accepts no messages',
      );
      const unsettled = publisher.publish(waiting);
      await rig.broker.run('rabbitmqctl', 'set_vm_memory_high_watermark', '0.6');
      await within(30_000, 'the waiting publish', unsettled);
    } finally {
      await rig.broker.run('rabbitmqctl', 'set_vm_memory_high_watermark', '0.6');
    }
    await publisher.publish(after);
    await reader.got([...waiting, ...after]);
    reader.expectOrder([...before, ...during, ...waiting, ...after]);
    expect(scene.lines.filter((line) => line.includes('broker_')).join('\n')).toMatch(
      /broker_blocked[^]*broker_unblocked/,
    );
  });

  test.each([
    ['a classic queue', {}, /x-[a-z-]+ is not set there, this service wants .+; stop its services/],
    [
      'one with another delivery limit',
      { 'x-queue-type': 'quorum', 'x-single-active-consumer': true, 'x-delivery-limit': 5 },
      /x-delivery-limit is 5 there, this service wants -1; stop its services/,
    ],
  ])('%s in place of a lane is refused with what differs and what to do', async (_, found, told) => {
    const service = scene.serviceOf('other');
    await channel.assertQueue(queueOf(service, 0), { durable: true, arguments: found });
    const transport = await rig.connect(options(service, 'a'));
    const subscriber = await transport.subscriber();
    const subscribing = subscriber.subscribe({ service, sources: [] }, async () => {});
    const refusal = (await subscribing.catch((error: unknown) => error)) as Error;
    expect(refusal).toBeInstanceOf(TopologyMismatch);
    expect(refusal.message).toMatch(/^the queue .*-other\.0 at [\w.-]+:\d+ exists with other arguments: /);
    expect(refusal.message).toMatch(told);
    const publisher = await transport.publisher();
    await expect(publisher.publish(scene.messages(1))).rejects.toThrow('exists with other arguments');
    await Promise.all([publisher.close(), subscriber.close()]);
    await transport.close();
    await channel.deleteQueue(queueOf(service, 0));
  });

  test.each([2, 8])('another number of lanes than before, %i, is refused: keys would be torn apart', async (number) => {
    const service = scene.serviceOf(`lanes-${number}`);
    const four = await rig.connect(options(service, 'a'));
    await four.ping();
    const other = await rig.connect(options(service, 'b'), { lanes: number });
    const [subscriber, publisher] = [await other.subscriber(), await other.publisher()];
    const refused = new RegExp(`slotless.4-lanes there, this service wants .*slotless.${number}-lanes; set the number`);
    await expect(subscriber.subscribe({ service, sources: [] }, async () => {})).rejects.toThrow(refused);
    await expect(publisher.publish(scene.messages(1))).rejects.toThrow(refused);
    await Promise.all([subscriber.close(), publisher.close()]);
    await Promise.all([four.close(), other.close()]);
  });

  test('fewer lanes are refused while the queues of others are there, though the exchange is gone', async () => {
    const service = scene.serviceOf('narrow');
    const wide = await rig.connect(options(service, 'a'));
    await wide.ping();
    await channel.deleteExchange(service);
    const narrow = await rig.connect(options(service, 'b'), { lanes: 2 });
    const subscriber = await narrow.subscriber();
    await expect(subscriber.subscribe({ service, sources: [] }, async () => {})).rejects.toThrow(
      /-narrow\.2 at .* exists, but this service is set to 2 lanes/,
    );
    await subscriber.close();
    await Promise.all([wide.close(), narrow.close()]);
  });

  test('a key stays with its queue when the broker is killed and starts again', { timeout: 180_000 }, async () => {
    const [type, keys] = [scene.typeOf('happened'), Array.from({ length: 64 }, (_, n) => `key ${n}`)];
    const services = Array.from({ length: 12 }, (_, n) => scene.serviceOf(`group-${n}`));
    const subscriptions = services.map((service) => ({ service, sources: [{ topic: 't', type }] }));
    const transport = await rig.connect({ ...options('none', 'a'), topology: subscriptions });
    const publisher = await transport.publisher();
    const queues = services.flatMap((service) => [0, 1, 2, 3].map((lane) => queueOf(service, lane)));
    const whereKeysGo = async () => {
      const messages = scene.messages(keys.length).map((message, n) => ({ ...message, key: keys[n]! }));
      await publishSurely(publisher, messages, keys.length);
      const places = await placesIn(rig.broker.url, queues, keys.length * services.length);
      return places.toSorted();
    };
    const before = await whereKeysGo();
    for (let restart = 0; restart < 2; restart++) {
      await rig.broker.kill();
      await rig.broker.restart();
      expect(await whereKeysGo()).toEqual(before);
    }
    await publisher.close();
    await transport.close();
    admin = await rig.broker.administer();
  });

  test('connections of a process that come up together set everything up once', async () => {
    const declared = 'element(6, hd(ets:lookup(connection_churn_metrics, node()))).';
    const queuesDeclared = async () => Number(await rig.broker.run('rabbitmqctl', 'eval', declared));
    const declaredBy = async (name: string, use: (transport: RabbitTransport) => Promise<unknown>) => {
      const [transport, before] = [await rig.connect(options(scene.serviceOf(name), 'a')), await queuesDeclared()];
      await use(transport);
      await transport.close();
      return (await queuesDeclared()) - before;
    };
    const byOne = await declaredBy('one', (transport) => transport.ping());
    const byTwo = await declaredBy('two', async (transport) => {
      const [publisher] = await Promise.all([transport.publisher(), transport.ping()]);
      await publisher.publish(scene.messages(1));
      await publisher.close();
    });
    expect(byOne).toBeGreaterThan(lanes().length);
    expect(byTwo).toBe(byOne);
  });

  test('queues that were being made while the disk hung take and give messages', { timeout: 120_000 }, async () => {
    const services = Array.from({ length: 5 }, (_, n) => scene.serviceOf(`slow-${n}`));
    const sources = [{ topic: 't', type: scene.typeOf('happened') }];
    const topology = services.map((service) => ({ service, sources }));
    const join = async (service: string) => {
      const transport = await rig.connect({ ...options(service, 'a'), topology });
      const [subscriber, got] = [await transport.subscriber(), new Set<string>()];
      await subscriber.subscribe({ service, sources }, async (batch) => batch.forEach(({ id }) => got.add(id)));
      return { transport, subscriber, got };
    };
    // Where the broker keeps its votes: what cannot store its own is given up after 5 s.
    await rig.broker.run('rabbitmqctl', 'eval', 'sys:suspend(ra_log_meta).');
    const hanging = rig.broker.run('rabbitmqctl', 'eval', 'timer:sleep(8000), sys:resume(ra_log_meta).');
    const [members] = await Promise.all([Promise.all(services.map(join)), hanging]);
    const publisher = await members[0]!.transport.publisher();
    await publishSurely(publisher, scene.messages(64, 64));
    await eventually(() => members.every(({ got }) => got.size === 64), 'all of them everywhere');
    await Promise.all([publisher.close(), ...members.map(({ subscriber }) => subscriber.close())]);
    await Promise.all(members.map(({ transport }) => transport.close()));
  });

  test('a message of somebody who knows nothing of slots reaches the service', async () => {
    const reader = new Recorder();
    await scene.join(reader);
    const [message] = scene.messages(1);
    channel.publish(EVENTS, message!.type, message!.body, { persistent: true, messageId: message!.id });
    await eventually(() => reader.settled.length === 1, 'settled');
    expect(reader.settled[0]).toMatchObject({ id: message!.id, type: message!.type });
  });

  test('a wrong password is told at once, by host and without the password', async () => {
    const url = new URL(rig.broker.url);
    url.password = 's3cret';
    const lines: string[] = [];
    const note = (fields: object, line: string) => void lines.push(JSON.stringify(fields) + line);
    const transport = await rig.connect(
      { ...options(scene.serviceOf('reader'), 'a'), log: { debug: note, info: note, warn: note, error: note } },
      { url: url.href },
    );
    await expect(transport.ping()).rejects.toThrow(`RabbitMQ at ${url.host} refuses this user`);
    await transport.close();
    expect(lines.join('\n')).toContain('refuses this user');
    expect(lines.join('\n')).not.toContain('s3cret');
  });

  test('a password of any characters logs in, percent-encoded', async () => {
    const [user, password] = [scene.serviceOf('user'), 'żółw 100%/ü'];
    await rig.broker.run('rabbitmqctl', 'add_user', user, password);
    await rig.broker.run('rabbitmqctl', 'set_user_tags', user, 'monitoring');
    await rig.broker.run('rabbitmqctl', 'set_permissions', user, '.*', '.*', '.*');
    const url = rig.broker.url.replace('guest:guest', `${user}:${encodeURIComponent(password)}`);
    const { managementUrl } = rig.broker;
    const transport = await rig.connect(options(scene.serviceOf('reader'), 'a'), { url, managementUrl });
    await transport.ping();
    expect(await transport.backlog()).toHaveLength(4);
    await transport.close();
  });

  test('the backlog counts what other replicas hold where the management plugin can be asked', async () => {
    const publisher = await scene.publisher();
    await scene.join(new Recorder(() => new Promise<void>(() => {})), { maxBatch: 5 }).then(async ({ crash }) => {
      await publisher.publish(scene.messages(40));
      const transport = await rig.connect(options(scene.serviceOf('reader'), 'onlooker'), {
        managementUrl: rig.broker.managementUrl,
      });
      const total = async () => (await transport.backlog()).reduce((sum, { messages }) => sum + messages, 0);
      await eventually(async () => (await total()) === 40, 'all 40 counted');
      await transport.close();
      await crash();
    });
  });
});

type M = ReturnType<Scene['messages']>;

/** Takes so many messages out of queues: which key each had, and where it was. */
async function placesIn(url: string, queues: readonly string[], count: number): Promise<string[]> {
  const connection = await connect(url);
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  const places: string[] = [];
  for (const queue of queues) {
    const note = (message: ConsumeMessage | null) =>
      places.push(`${message?.properties.headers?.['partitionkey']} in ${queue}`);
    await channel.consume(queue, note, { noAck: true });
  }
  await eventually(() => places.length >= count, 'all taken out');
  await connection.close();
  return places;
}
