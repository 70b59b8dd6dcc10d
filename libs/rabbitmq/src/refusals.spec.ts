import { expect, test } from 'vitest';
import { TopologyMismatch, explained } from './refusals.js';

const place = 'rabbit:5672';

test('a queue with another argument is told with what is there, what is wanted and what to do', () => {
  const error = new Error(
    'Operation failed: QueueDeclare; 406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - inequivalent arg ' +
      "'x-max-age' for queue 'events.log' in vhost '/': received the value '7D' of type 'longstr' but current is the value '1D' of type 'longstr'\"",
  );
  const told = explained(error, place);
  expect(told).toBeInstanceOf(TopologyMismatch);
  expect(told.message).toBe(
    'the queue events.log at rabbit:5672 exists with other arguments: x-max-age is 1D there, this service wants 7D; ' +
      'set the retention of this service to that value, or delete it, and with it what could be replayed: it is then set up anew',
  );
});

test('an argument that is missing there is told as not set', () => {
  const error = new Error(
    `"PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'a.0' in vhost '/': received the value 'quorum' of type 'longstr' but current is none"`,
  );
  expect(explained(error, place).message).toContain(
    'x-queue-type is not set there, this service wants quorum; stop its services, let the queue run empty and delete it',
  );
});

test('another number of lanes is told by what stands in for a slot', () => {
  const error = new Error(
    "Operation failed: ExchangeDeclare; 406 (PRECONDITION-FAILED) with message \"PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange " +
      "'inventory' in vhost '/': received the value 'inventory.slotless.8-lanes' of type 'longstr' but current is the value 'inventory.slotless.4-lanes' of type 'longstr'\"",
  );
  expect(explained(error, place).message).toBe(
    'the exchange inventory at rabbit:5672 exists with other arguments: alternate-exchange is inventory.slotless.4-lanes there, this service wants ' +
      'inventory.slotless.8-lanes; set the number of lanes as it was, or stop its services, let its queues run empty and delete it: it is then set up anew',
  );
});

test('what waiting may heal is left as it is', () => {
  const error = new Error('connect ECONNREFUSED 127.0.0.1:5672');
  expect(explained(error, place)).toBe(error);
});
