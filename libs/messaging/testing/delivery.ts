import { expect } from 'vitest';
import type { Backlog } from '../src/index.js';
import type { Behaviour } from './describe-transport.js';
import { eventually } from './eventually.js';
import { Recorder } from './recorder.js';

/** What arrives, where and how often while nothing fails. */
export function delivery(behaviour: Behaviour): void {
  const two = { stock: ['placed'], mail: ['placed', 'shipped'] };

  behaviour(
    'gives every subscribed service every message once',
    async (scene) => {
      const [stock, mail, publisher] = [new Recorder(), new Recorder(), await scene.publisher()];
      await scene.join(stock, { service: 'stock' });
      await scene.join(mail, { service: 'mail' });
      const placed = scene.messages(100, 10, { type: 'placed' });
      await publisher.publish(placed);
      await stock.got(placed);
      await mail.got(placed);
      stock.expectOnce(placed);
      mail.expectOnce(placed);
    },
    { cast: two },
  );

  behaviour(
    'gives a service only the types it subscribed to',
    async (scene) => {
      const [stock, mail, publisher] = [new Recorder(), new Recorder(), await scene.publisher()];
      await scene.join(stock, { service: 'stock' });
      await scene.join(mail, { service: 'mail' });
      const [placed, shipped] = [scene.messages(10, 2, { type: 'placed' }), scene.messages(10, 2, { type: 'shipped' })];
      const last = scene.message({ type: 'placed' });
      await publisher.publish([...shipped, scene.message({ type: 'nobody-cares' }), ...placed, last]);
      await stock.got([...placed, last]);
      await mail.got([...shipped, ...placed, last]);
      stock.expectOnce([...placed, last]);
      mail.expectOnce([...shipped, ...placed, last]);
    },
    { cast: two },
  );

  behaviour('gives each message to one replica of a service', async (scene) => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    await scene.join(reader);
    await scene.join(reader);
    const messages = scene.messages(200, 50);
    for (let n = 0; n < 200; n += 20) await publisher.publish(messages.slice(n, n + 20));
    await reader.got(messages);
    expect(reader.overlaps).toEqual([]);
    expect(new Set(reader.seen.map(({ id }) => id)).size).toBe(200);
  });

  behaviour('keeps what was published before a service first connected', async (scene) => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    const messages = scene.messages(30);
    await publisher.publish(messages);
    await scene.join(reader);
    await reader.got(messages);
    reader.expectOnce(messages);
    reader.expectOrder(messages);
  });

  behaviour('carries headers, keys and bytes unchanged', async (scene) => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    await scene.join(reader);
    const headers = {
      'content-type': 'application/json',
      specversion: '1.0',
      subject: 'Žluťoučký kůň 🐎 "quoted"',
      empty: '',
    };
    const bodies = {
      unicode: Buffer.from('{"name":"Zoë 🛶 \\u0000 – 日本"}'),
      empty: Buffer.alloc(0),
      binary: Buffer.from(Array.from({ length: 512 }, (_, n) => n % 256)),
      large: Buffer.alloc(1024 * 1024, 'farandole '),
    };
    const messages = Object.entries(bodies).map(([key, body]) =>
      scene.message({ key: `clé ${key} 🔑`, headers, body }),
    );
    await publisher.publish(messages);
    await reader.got(messages);
    for (const sent of messages) {
      const got = reader.seen.find(({ id }) => id === sent.id);
      const { id, topic, type, key } = sent;
      expect(got).toMatchObject({ id, topic, type, key, headers });
      expect(got && Object.keys(got.headers).toSorted()).toEqual(Object.keys(headers).toSorted());
      expect(got?.body.equals(sent.body)).toBe(true);
      expect(got?.origin).not.toBe('');
    }
  });

  behaviour('hands over as many deliveries at once as asked for, at most', async (scene) => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    const messages = scene.messages(100);
    await publisher.publish(messages);
    await scene.join(reader, { maxBatch: 7 });
    await reader.got(messages);
    const sizes = reader.batches.map(({ length }) => length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(7);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(1);
  });

  behaviour('takes overlapping publishes and stores nothing for an empty one', async (scene) => {
    const [reader, publisher] = [new Recorder(), await scene.publisher()];
    await scene.join(reader);
    const messages = scene.messages(100, 100);
    await Promise.all([publisher.publish([]), ...messages.map((message) => publisher.publish([message]))]);
    await reader.got(messages);
    reader.expectOnce(messages);
  });

  behaviour('counts what is unsettled as backlog', async (scene) => {
    const [gate, publisher] = [Promise.withResolvers<void>(), await scene.publisher()];
    const reader = new Recorder(() => gate.promise);
    const messages = scene.messages(40);
    await publisher.publish(messages);
    const { transport } = await scene.join(reader, { maxBatch: 5 });
    const backlog = async () => total(await transport.backlog(), scene.serviceOf('reader'));
    await eventually(() => reader.batches.length > 0, 'a running batch');
    await eventually(async () => (await backlog()) === 40, 'all 40 counted while none is settled');
    gate.resolve();
    await reader.got(messages);
    await eventually(async () => (await backlog()) === 0, 'nothing counted once all are settled');
  });

  behaviour('answers a ping', async (scene) => {
    const transport = await scene.connect();
    await transport.ping();
    await transport.close();
  });
}

function total(backlog: readonly Backlog[], service: string): number {
  return backlog.filter((lane) => lane.service === service).reduce((sum, lane) => sum + lane.messages, 0);
}
