import type { ConsumeMessage, Options } from 'amqplib';
import { expect, test } from 'vitest';
import type { OutgoingMessage } from '#libs/messaging';
import { fromAmqp, sentId, toAmqp } from './headers.js';
import { slotOf } from './names.js';

const message: OutgoingMessage = {
  id: '0199d2f0-0000-7000-8000-000000000001',
  topic: 'order.events',
  type: 'order.placed',
  key: 'order-1',
  headers: { 'content-type': 'application/json', specversion: '1.0', type: 'order.placed', correlationid: 'c1' },
  body: Buffer.from('{}'),
};

function arrived(properties: Options.Publish, routingKey = 'order.placed'): ConsumeMessage {
  const fields = { deliveryTag: 7, redelivered: false, exchange: 'events', routingKey, consumerTag: 't' };
  return { content: message.body, fields, properties: properties as unknown as ConsumeMessage['properties'] };
}

test('attributes travel with the prefix of the AMQP binding, all but the content type', () => {
  const sent = toAmqp(message);
  expect(sent).toMatchObject({
    messageId: message.id,
    correlationId: 'c1',
    contentType: 'application/json',
    persistent: true,
    mandatory: true,
    BCC: slotOf('order-1'),
  });
  expect(sent.headers).toEqual({
    partitionkey: 'order-1',
    topic: 'order.events',
    cloudEvents_specversion: '1.0',
    cloudEvents_type: 'order.placed',
    cloudEvents_correlationid: 'c1',
  });
});

test('what is sent is what arrives', () => {
  expect(fromAmqp(arrived(toAmqp(message)), 'stock.0')).toEqual({
    ...message,
    redelivered: false,
    origin: 'stock.0 #7',
  });
});

test('a message of someone else is read with either prefix, and its typed headers as text', () => {
  const headers = {
    'cloudEvents:source': 'shop',
    cloudEvents_id: 'x',
    cloudEvents_sequence: 5,
    cloudEvents_time: { '!': 'timestamp', value: 0 },
  };
  expect(fromAmqp(arrived({ headers }), 'stock.0')).toMatchObject({
    id: 'x',
    topic: 'shop.events',
    type: 'order.placed',
    key: '',
    headers: { source: 'shop', id: 'x', sequence: '5', time: '1970-01-01T00:00:00.000Z' },
  });
});

test('a timestamp beyond the calendar is read as the number it is', () => {
  const headers = { cloudEvents_time: { '!': 'timestamp', value: 1.7e15 } };
  expect(fromAmqp(arrived({ headers }), 'stock.0').headers).toEqual({ time: '1700000000000000' });
});

test('what is too long for its property travels in its header alone', () => {
  const long = 'ü'.repeat(128);
  const headers = { id: long, correlationid: long, 'content-type': long };
  const sent = toAmqp({ ...message, id: long, headers });
  expect(Object.keys(sent)).toEqual(['persistent', 'mandatory', 'headers', 'BCC']);
  const back = arrived(sent);
  expect(sentId(back.properties)).toBe(long);
  expect(fromAmqp(back, 'stock.0')).toMatchObject({ id: long, headers });
});
