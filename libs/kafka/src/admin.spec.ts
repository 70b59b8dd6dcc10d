import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { createKafkaTransport } from './index.js';

const log = { debug() {}, info() {}, warn() {}, error() {} };

it('asks nothing more once the transport is closed, nor does what waits for another question', async () => {
  let connections = 0;
  const silent = createServer((socket) => {
    connections++;
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  onTestFinished(() => void silent.close());
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const sources = [{ topic: 'events', type: 'happened' }];
  const transport = createKafkaTransport(
    { brokers: [`127.0.0.1:${port}`] },
    { topology: [{ service: 'reader', sources }], maxBatch: 1, instance: 'one', log },
  );
  const questions = [transport.backlog(), transport.backlog()];
  const answers = Promise.allSettled(questions);
  await once(silent, 'connection');
  await transport.close();
  const reasons = (await answers).map((answer) => String((answer as PromiseRejectedResult).reason));
  expect(reasons[1]).toBe('Error: the transport is closed');
  await expect(transport.ping()).rejects.toThrow('the transport is closed');
  expect(connections).toBe(1);
});
