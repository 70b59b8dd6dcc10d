import { expect, it } from 'vitest';
import { withDefaults } from './settings.js';

const url = 'amqp://127.0.0.1';

it.each([0, 2.5, 33])('refuses %d lanes, since each lane needs a slot', (lanes) => {
  expect(() => withDefaults({ url, lanes })).toThrow(`lanes of RabbitMQ is a whole number from 1 to 32, not ${lanes}`);
});

it('refuses a password that is not percent-encoded, without telling it', () => {
  expect(() => withDefaults({ url: 'amqp://me:100%@127.0.0.1' })).toThrow(/^user or password .* %25$/);
});

it('takes as many lanes as there are slots', () => {
  expect(withDefaults({ url, lanes: 32 })).toMatchObject({ lanes: 32, prefetch: 200 });
});
