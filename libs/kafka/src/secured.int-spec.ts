import { afterAll, beforeAll, expect, it } from 'vitest';
import { v7 } from 'uuid';
import { describeWithDocker } from '../../../tools/docker/available.js';
import { startKafkaRig, type KafkaRig } from '../testing/index.js';

const user = { username: 'farandole', password: 'only-for-this-test' };

await describeWithDocker('kafka behind TLS and a password', () => {
  let rig: KafkaRig;
  const lines: string[] = [];
  const note = (fields: object, line: string) => void lines.push(line + JSON.stringify(fields));
  const log = { debug: note, info: note, warn: note, error: note };
  const topology = [{ service: 'reader', sources: [{ topic: 'order.events', type: 'happened' }] }];
  const options = { topology, maxBatch: 10, instance: 'one', log };

  beforeAll(async () => {
    rig = await startKafkaRig({ sasl: { mechanism: 'plain', ...user } }, { secured: user });
  }, 180_000);
  afterAll(() => rig?.dispose());

  it('publishes and delivers', async () => {
    const transport = await rig.connect(options);
    const [publisher, subscriber] = [await transport.publisher(), await transport.subscriber()];
    const id = v7();
    const headers = { id, type: 'happened' };
    await publisher.publish([
      { id, topic: 'order.events', type: 'happened', key: 'k', headers, body: Buffer.from('{}') },
    ]);
    const got = await new Promise<string | undefined>((resolve) => {
      void subscriber.subscribe(topology[0]!, async ([first]) => resolve(first?.id));
    });
    expect(got).toBe(id);
    await subscriber.close();
    await publisher.close();
    await transport.close();
  });

  it('says why it cannot, and never the password', async () => {
    const wrong = await rig.connect(options, {
      sasl: { mechanism: 'plain', username: 'farandole', password: 'guessed-wrong' },
    });
    await expect(wrong.ping()).rejects.toThrow(/[Aa]uthentication failed/);
    await wrong.close();
    const untrusting = await rig.connect(options, { ssl: true });
    await expect(untrusting.ping()).rejects.toThrow(/self-signed certificate/);
    await untrusting.close();
    expect(lines.join('\n')).not.toMatch(/only-for-this-test|guessed-wrong/);
  });
});
