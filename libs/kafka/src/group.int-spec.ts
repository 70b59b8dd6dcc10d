import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, resolves, silent } from '#libs/messaging/testing';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { startKafkaRig, type KafkaRig } from '../testing/index.js';

let rig: KafkaRig;

await describeWithDocker('a group of Kafka that is created later', () => {
  beforeAll(async () => {
    rig = await startKafkaRig();
  }, 180_000);
  afterAll(() => rig?.dispose());

  it('is not created when its messages cannot be counted', { timeout: 120_000 }, async () => {
    const group = { service: 'later', sources: [{ topic: 'events', type: 'happened' }] };
    const transport = await rig.connect({ topology: [], maxBatch: 10, instance: 'one', log: silent });
    const publisher = await transport.publisher();
    const headers = { specversion: '1.0', id: 'one', type: 'happened' };
    await publisher.publish([
      { id: 'one', topic: 'events', type: 'happened', key: 'k', headers, body: Buffer.from('{}') },
    ]);
    await publisher.close();
    const admin = new Kafka({ brokers: [...rig.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const isCounting = async () => {
      // A broker that has just started refuses to list while it loads them.
      const { groups } = await admin.listGroups().catch(() => ({ groups: [] }));
      return groups.some(({ groupId }) => groupId.startsWith('farandole-history-'));
    };
    await rig.network.slow(100);
    const creating = resolves(transport.createGroup(group, new Date(0)));
    await eventually(isCounting, 'the messages being counted');
    await rig.network.cut();
    await admin.disconnect();
    expect(await creating).toBe(false);
    await rig.network.restore();
    await eventually(() => resolves(transport.ping()), 'Kafka answering');
    expect(await transport.createGroup(group, new Date(0))).toBe(1);
    await transport.close();
  });
});
