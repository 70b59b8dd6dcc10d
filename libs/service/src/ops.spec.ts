import { expect, it } from 'vitest';
import { OpsController } from './ops.js';
import { transportOf } from './transports.js';

it('the lag of a store that is out of reach is to be asked for again, and the answer names place and reason without the credential', async () => {
  const store = await transportOf('ops', { TRANSPORT: 'rabbitmq', RABBITMQ_URL: 'amqp://us:hunter2@127.0.0.1:1' });
  const answer = await new OpsController(store).lag().catch((error: unknown) => error);
  expect(answer).toMatchObject({ details: { status: 503, type: 'unavailable', retryAfter: 2 } });
  expect(answer).toMatchObject({ details: { detail: expect.stringMatching(/127\.0\.0\.1:1.*ECONNREFUSED/) } });
  expect(JSON.stringify(answer)).not.toContain('hunter2');
  await store.close();
});
