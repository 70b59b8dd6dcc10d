import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, it } from 'vitest';
import { eventually, publishSurely, Recorder, Scene } from '#libs/messaging/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { startKafkaCluster, type KafkaCluster } from '../testing/index.js';

await describeWithDocker('kafka with three brokers', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafkaCluster();
  }, 240_000);
  afterAll(() => cluster?.dispose(), 60_000);

  it(
    'loses nothing and keeps order when partitions move to other brokers amid sends and reads',
    { timeout: 240_000 },
    async () => {
      const scene = new Scene(cluster);
      const reader = new Recorder(() => pause(2));
      const publisher = await scene.publisher();
      await scene.join(reader, { maxBatch: 10 });
      await scene.join(reader, { maxBatch: 10 });
      const messages = scene.messages(3_000, 30);
      const publishing = publishSurely(publisher, messages, 20);
      const settled = (count: number) =>
        eventually(
          () => reader.settled.length > count,
          () => `${count} settled, now ${reader.settled.length}`,
        );
      await settled(500);
      await cluster.killBroker(2);
      await settled(1_500);
      await cluster.killBroker(3);
      await publishing;
      await reader.got(messages, 120_000);
      reader.expectOrder(messages);
      await scene.end();
    },
  );
});
