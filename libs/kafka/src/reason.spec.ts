import { describe, expect, it } from 'vitest';
import { reasonOf } from './reason.js';
import { TookTooLong } from './waiting.js';

describe('the reason of a failure', () => {
  it('is the innermost cause', () => {
    const refused = new Error('connect ECONNREFUSED 127.0.0.1:9092');
    expect(reasonOf(new Error('retries exceeded', { cause: new Error('gave up', { cause: refused }) }))).toBe(
      refused.message,
    );
  });

  it('is that of each topic which kafkajs could not create', () => {
    const one = Object.assign(new Error('Replication-factor is invalid'), { topic: 'order.events' });
    const two = Object.assign(new Error('The request attempted an invalid topic'), { topic: 'a b' });
    const together = Object.assign(new Error('Topic creation errors'), { errors: [one, two] });
    expect(reasonOf(together)).toBe(
      'order.events: Replication-factor is invalid; a b: The request attempted an invalid topic',
    );
  });

  it('is what kafkajs logged last where the error does not say it', () => {
    expect(reasonOf(new TypeError("reading 'brokers' of null"), 'connection refused')).toBe('connection refused');
    const late = new TookTooLong('an answer of Kafka took longer than 3000 ms');
    expect(reasonOf(late, 'self-signed certificate')).toBe(`${late.message}: self-signed certificate`);
    expect(reasonOf(late)).toBe(late.message);
  });
});
