import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { silent } from '#libs/messaging/testing';
import { createKafkaTransport } from './index.js';

it('asks nothing more once the transport is closed, nor does what waits for another question', async () => {
  let connections = 0;
  const mute = createServer((socket) => {
    connections++;
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void mute.close());
  await once(mute, 'listening');
  const { port } = mute.address() as AddressInfo;
  const sources = [{ topic: 'events', type: 'happened' }];
  const transport = createKafkaTransport(
    { brokers: [`127.0.0.1:${port}`] },
    { topology: [{ service: 'reader', sources }], maxBatch: 1, instance: 'one', log: silent },
  );
  const questions = [transport.backlog(), transport.backlog()];
  const answers = Promise.allSettled(questions);
  await once(mute, 'connection');
  await transport.close();
  const reasons = (await answers).map((answer) => String((answer as PromiseRejectedResult).reason));
  expect(reasons[1]).toBe('Error: the transport is closed');
  await expect(transport.ping()).rejects.toThrow('the transport is closed');
  expect(connections).toBe(1);
});
