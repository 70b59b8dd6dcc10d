import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { v7 } from 'uuid';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Delivery, OutgoingMessage, Subscription } from '#libs/messaging';
import { eventually, resolves } from '#libs/messaging/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { startKafkaRig, type KafkaRig } from '../testing/index.js';
import type { KafkaSettings } from './settings.js';

let rig: KafkaRig;
let runs = 0;

/** A place of its own for each test: names, log lines, and everything closed at the end. */
class Place {
  readonly run = `k${process.pid}-${++runs}`;
  readonly lines: string[] = [];
  readonly debug: string[] = [];
  readonly service = `${this.run}-reader`;
  private readonly closings: (() => Promise<void>)[] = [];

  topic(name = 'events'): string {
    return `${this.run}.${name}`;
  }

  subscription(topics = [this.topic()]): Subscription {
    return { service: this.service, sources: topics.map((topic) => ({ topic, type: 'happened' })) };
  }

  message(over: Partial<OutgoingMessage> = {}): OutgoingMessage {
    const id = v7();
    const headers = { specversion: '1.0', id, type: over.type ?? 'happened' };
    return { id, topic: this.topic(), type: 'happened', key: 'k', headers, body: Buffer.from('{}'), ...over };
  }

  async connect(subscription = this.subscription(), settings: Partial<KafkaSettings> = {}) {
    const note = (level: string) => (_: object, line: string) => void this.lines.push(`${level}: ${line}`);
    const log = {
      debug: (_: object, line: string) => void this.debug.push(line),
      info: note('info'),
      warn: note('warn'),
      error: note('error'),
    };
    const instance = `${this.run}-${this.closings.length}`;
    const transport = await rig.connect({ topology: [subscription], maxBatch: 10, instance, log }, settings);
    this.closings.unshift(() => transport.close());
    return transport;
  }

  async publisher(settings: Partial<KafkaSettings> = {}) {
    const publisher = await (await this.connect(undefined, settings)).publisher();
    this.closings.unshift(() => publisher.close());
    return publisher;
  }

  async read(handle: (batch: readonly Delivery[]) => Promise<void>, subscription = this.subscription()): Promise<void> {
    const subscriber = await (await this.connect(subscription)).subscriber();
    this.closings.unshift(() => subscriber.close());
    await subscriber.subscribe(subscription, handle);
  }

  async end(): Promise<void> {
    for (const close of this.closings) await close();
  }

  said(level: 'info' | 'warn' | 'error'): string[] {
    return this.lines.filter((line) => line.startsWith(level));
  }
}

async function inPlace(play: (place: Place) => Promise<void>): Promise<void> {
  const place = new Place();
  try {
    await play(place);
  } finally {
    await place.end();
  }
}

const client = () => new Kafka({ brokers: [...rig.brokers], logLevel: logLevel.NOTHING });

/** A topic that takes no more than 100,000 bytes at once. */
async function createNarrow(topic: string): Promise<void> {
  const admin = client().admin();
  await admin.connect();
  const configEntries = [{ name: 'max.message.bytes', value: '100000' }];
  await admin.createTopics({ topics: [{ topic, numPartitions: 4, configEntries }] });
  await admin.disconnect();
}

await describeWithDocker('kafka, beyond what every transport promises', () => {
  beforeAll(async () => {
    rig = await startKafkaRig();
  }, 180_000);
  afterAll(() => rig?.dispose());

  it('reports a topic with fewer partitions than configured in one line', () =>
    inPlace(async (place) => {
      const admin = client().admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: place.topic(), numPartitions: 2 }] });
      await admin.disconnect();
      const publisher = await place.publisher();
      await publisher.publish([place.message()]);
      await publisher.publish([place.message()]);
      expect(place.said('warn')).toHaveLength(1);
      expect(place.said('warn')[0]).toMatch(/has 2 partitions, fewer than the 4 configured: add some with/);
    }));

  it('creates the topics of all services, whoever starts first', () =>
    inPlace(async (place) => {
      const [one, two] = [place.topic('one'), place.topic('two')];
      await place.read(async () => {}, place.subscription([one, two]));
      const admin = client().admin();
      await admin.connect();
      const { topics } = await admin.fetchTopicMetadata({ topics: [one, two] });
      await admin.disconnect();
      expect(topics.map(({ partitions }) => partitions.length)).toEqual([4, 4]);
    }));

  it('settles what a service does not react to, and what is no event at all, without handing it over', () =>
    inPlace(async (place) => {
      const publisher = await place.publisher();
      await publisher.publish([place.message({ type: 'other' }), place.message(), place.message({ type: 'other' })]);
      const producer = client().producer();
      await producer.connect();
      await producer.send({
        topic: place.topic(),
        messages: [
          { key: 'k', value: 'hello' },
          { key: 'k', value: null },
        ],
      });
      await producer.disconnect();
      const got: string[] = [];
      await place.read(async (batch) => void got.push(...batch.map(({ type }) => type)));
      const transport = await place.connect();
      const left = async () => (await transport.backlog()).reduce((sum, { messages }) => sum + messages, 0);
      await eventually(async () => (await left()) === 0, 'everything settled');
      expect(got).toEqual(['happened']);
    }));

  it('handles one key in one batch at a time, whatever topics it comes from', () =>
    inPlace(async (place) => {
      const topics = ['one', 'two', 'three'].map((name) => place.topic(name));
      const subscription = place.subscription(topics);
      const running = new Set<string>();
      let handled = 0;
      const overlaps: string[] = [];
      const handle = async (batch: readonly Delivery[]) => {
        const keys = new Set(batch.map(({ key }) => key));
        overlaps.push(...[...keys].filter((key) => running.has(key)));
        for (const key of keys) running.add(key);
        await pause(5);
        for (const key of keys) running.delete(key);
        handled += batch.length;
      };
      await place.read(handle, subscription);
      await place.read(handle, subscription);
      const publisher = await place.publisher();
      const messages = Array.from({ length: 300 }, (_, n) =>
        place.message({ topic: topics[n % 3]!, key: `key-${n % 20}` }),
      );
      for (let n = 0; n < 300; n += 30) await publisher.publish(messages.slice(n, n + 30));
      await eventually(() => handled === 300, 'everything handled');
      expect(overlaps).toEqual([]);
    }));

  it('lets a running batch end before another replica gets its partition, and hands nothing out twice', () =>
    inPlace(async (place) => {
      const gate = Promise.withResolvers<void>();
      const [first, second]: string[][] = [[], []];
      const publisher = await place.publisher();
      const messages = Array.from({ length: 200 }, (_, n) => place.message({ key: `key-${n}` }));
      await publisher.publish(messages);
      await place.read(async (batch) => {
        first!.push(...batch.map(({ id }) => id));
        await gate.promise;
      });
      await eventually(() => first!.length > 0, 'batches running in the first replica');
      const running = first!.length;
      const joining = place.read(async (batch) => void second!.push(...batch.map(({ id }) => id)));
      await pause(1_500);
      expect(second).toEqual([]);
      expect(first).toHaveLength(running);
      gate.resolve();
      await joining;
      await eventually(() => first!.length + second!.length >= 200, 'everything handled');
      expect(second!.length).toBeGreaterThan(0);
      expect([...first!, ...second!].toSorted()).toEqual(messages.map(({ id }) => id).toSorted());
    }));

  it('keeps its partitions while a batch runs for longer than a session lasts', () =>
    inPlace(async (place) => {
      const batches: string[] = [];
      await place.read(async (batch) => {
        batches.push(batch.map(({ id }) => id).join());
        await pause(6_000);
      });
      const message = place.message();
      await (await place.publisher()).publish([message]);
      await eventually(() => batches.length > 0, 'the batch running');
      await pause(9_000);
      expect(batches).toEqual([message.id]);
      expect(place.said('warn')).toEqual([]);
    }));

  it('goes on with the other partitions while one batch takes its time or is rejected', () =>
    inPlace(async (place) => {
      const gate = Promise.withResolvers<void>();
      const got: string[] = [];
      await place.read(async (batch) => {
        if (batch.some(({ key }) => key === 'slow')) await gate.promise;
        got.push(...batch.map(({ key }) => key));
      });
      const publisher = await place.publisher();
      await publisher.publish([place.message({ key: 'slow' })]);
      for (let n = 0; n < 40; n++) await publisher.publish([place.message({ key: `key-${n}` })]);
      await eventually(() => got.length >= 20, 'messages of other partitions, published later');
      expect(got).not.toContain('slow');
      gate.resolve();
      await eventually(() => got.length === 41, 'everything');
    }));

  it('refuses a message that is too large without refusing others', () =>
    inPlace(async (place) => {
      const publisher = await place.publisher();
      const noise = Buffer.from(Array.from({ length: 1_500_000 }, () => Math.floor(Math.random() * 256)));
      const outcomes = await Promise.allSettled([
        publisher.publish([place.message()]),
        publisher.publish([place.message({ body: noise })]),
        publisher.publish([place.message()]),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(String((outcomes[1] as PromiseRejectedResult).reason)).toMatch(/larger than the max message size/);
      expect(place.said('warn')).toEqual([]);
    }));

  it('stores small messages where the broker takes less at once, and refuses what is too large for it alone', () =>
    inPlace(async (place) => {
      await createNarrow(place.topic());
      const publisher = await place.publisher({ compression: 'none' });
      const message = (bytes: number) => place.message({ body: Buffer.alloc(bytes) });
      const small = Array.from({ length: 30 }, () => message(10_000));
      const outcomes = await Promise.allSettled([
        publisher.publish(small),
        publisher.publish([message(150_000)]),
        publisher.publish([message(10)]),
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      const got = new Set<string>();
      await place.read(async (batch) => batch.forEach(({ id }) => got.add(id)));
      await eventually(() => got.size === 31, 'all but the large one');
      expect([...got].slice(0, 30)).toEqual(small.map(({ id }) => id));
      expect(place.said('warn')).toEqual([]);
    }));

  it('stores what is under way when it is closed, though the broker takes less at once', () =>
    inPlace(async (place) => {
      await createNarrow(place.topic());
      const publisher = await place.publisher({ compression: 'none' });
      const small = Array.from({ length: 30 }, () => place.message({ body: Buffer.alloc(10_000) }));
      await Promise.all([publisher.publish(small), publisher.close()]);
      await expect(publisher.publish(small)).rejects.toThrow('the publisher is closed');
    }));

  it('never sends what it has given up, though it gave up before there was a connection to send it on', () =>
    inPlace(async (place) => {
      const publisher = await place.publisher({ publishTimeoutMs: 1_000 });
      await rig.network.hang();
      await expect(publisher.publish([place.message()])).rejects.toThrow(/took longer than 1000 ms/);
      await rig.network.restore();
      const next = place.message();
      await eventually(() => resolves(publisher.publish([next])), 'publishing again');
      const got: string[] = [];
      await place.read(async (batch) => void got.push(...batch.map(({ id }) => id)));
      await eventually(() => got.includes(next.id), 'the next message');
      expect([...new Set(got)]).toEqual([next.id]);
    }));

  it('says why a topic cannot be created, and once that it was', () =>
    inPlace(async (place) => {
      const publisher = await place.publisher({ replicationFactor: 3 });
      await expect(publisher.publish([place.message()])).rejects.toThrow(/events: Replication-factor is invalid/);
      expect(place.said('warn')[0]).toMatch(/cannot be stored \(.*events: Replication-factor is invalid/);
      const [one, two] = [await place.publisher(), await place.publisher()];
      await Promise.all([one.publish([place.message()]), two.publish([place.message()])]);
      expect(place.said('info').filter((line) => line.includes('created'))).toHaveLength(1);
    }));

  it('says which topics were created though others cannot be, and of each of those alone why', () =>
    inPlace(async (place) => {
      const publisher = await place.publisher();
      const topics = [`${place.run} bad`, `${place.run} worse`, place.topic()];
      const publishing = publisher.publish(topics.map((topic) => place.message({ topic })));
      const why = '[^:;]+ (bad|worse): [^:;]+';
      await expect(publishing).rejects.toThrow(new RegExp(`^Kafka did not store the messages: ${why}; ${why}$`));
      expect(place.said('info').filter((line) => line.includes(`created ${place.topic()} with`))).toHaveLength(1);
    }));

  it('says of each topic once that it was created, though others create some at the same time', () =>
    inPlace(async (place) => {
      const [one, two] = [place.topic('one'), place.topic('two')];
      const topics = [[one], [one, two], [one, two], [one]];
      const transports = await Promise.all(topics.map((some) => place.connect(place.subscription(some))));
      // A leader just elected may refuse to tell offsets.
      await Promise.allSettled(transports.map((transport) => transport.backlog()));
      const created = place.said('info').flatMap((line) => /created (.*) with/.exec(line)?.[1]?.split(', ') ?? []);
      expect(created.toSorted()).toEqual([one, two]);
    }));

  it('says in one line each that the broker is away and that it is back', { timeout: 120_000 }, () =>
    inPlace(async (place) => {
      const warnings: string[] = [];
      const note = (warning: Error) => void warnings.push(`${warning.name}: ${warning.message}`);
      process.on('warning', note);
      const got: string[] = [];
      await rig.network.cut();
      const reading = place.read(async (batch) => void got.push(...batch.map(({ id }) => id)));
      await eventually(() => place.said('warn').length > 0, 'a word about the broker being away');
      await pause(3_000);
      expect(place.said('warn')).toHaveLength(1);
      expect(place.said('warn')[0]).toMatch(/cannot read \(.*\); it tries until it can/);
      await rig.network.restore();
      await reading;
      expect(place.said('info').filter((line) => line.includes('reads again'))).toHaveLength(1);
      expect(place.said('error')).toEqual([]);
      process.off('warning', note);
      expect(warnings).toEqual([]);
    }),
  );
});
