import { describe, expect, it } from 'vitest';
import type { KafkaMessage } from 'kafkajs';
import { fromKafka, toKafka } from './message.js';

const id = '01900000-0000-7000-8000-000000000001';
const headers = {
  'content-type': 'application/json',
  specversion: '1.0',
  id,
  type: 'order.placed',
  correlationid: 'c',
};
const message = { id, topic: 'order.events', type: 'order.placed', key: 'o-1', headers, body: Buffer.from('{}') };

function stored(over: Partial<KafkaMessage>): KafkaMessage {
  const record = { key: Buffer.from('o-1'), value: Buffer.from('{}'), timestamp: '0', attributes: 0, offset: '7' };
  return { ...record, headers: {}, ...over } as KafkaMessage;
}

describe('a message on Kafka', () => {
  it('carries CloudEvents attributes with ce_, the content type without', () => {
    expect(toKafka(message)).toEqual({
      key: 'o-1',
      value: message.body,
      headers: {
        'content-type': 'application/json',
        ce_specversion: '1.0',
        ce_id: id,
        ce_type: 'order.placed',
        ce_correlationid: 'c',
      },
    });
  });

  it('comes back as it went', () => {
    const kept = Object.entries(toKafka(message).headers ?? {}).map(([name, value]) => [
      name,
      Buffer.from(String(value)),
    ]);
    const got = fromKafka('order.events', 2, stored({ headers: Object.fromEntries(kept) }));
    expect(got).toEqual({ ...message, redelivered: false, origin: 'order.events[2]@7' });
  });

  it('keeps id and type where the headers do not have them', () => {
    const bare = { ...message, headers: { specversion: '1.0' } };
    const kept = Object.entries(toKafka(bare).headers ?? {}).map(([name, value]) => [name, Buffer.from(String(value))]);
    const got = fromKafka('order.events', 0, stored({ headers: Object.fromEntries(kept) }));
    expect(got).toMatchObject({ id, type: 'order.placed', headers: { specversion: '1.0' } });
    expect(Object.keys(got?.headers ?? {})).toEqual(['specversion']);
  });

  it('is found by type in structured mode too', () => {
    const value = Buffer.from(JSON.stringify({ id, type: 'order.placed', partitionkey: 'o-9', data: {} }));
    const contentType = { 'content-type': Buffer.from('application/cloudevents+json; charset=utf-8') };
    expect(fromKafka('order.events', 0, stored({ key: null, value, headers: contentType }))).toMatchObject({
      id,
      type: 'order.placed',
      key: 'o-9',
      body: value,
    });
  });

  it('is nobody’s where it has no type, or is no JSON where it should be', () => {
    expect(fromKafka('order.events', 0, stored({}))).toBeUndefined();
    const contentType = { 'content-type': Buffer.from('application/cloudevents+json') };
    expect(fromKafka('order.events', 0, stored({ value: Buffer.from('{'), headers: contentType }))).toBeUndefined();
  });
});
