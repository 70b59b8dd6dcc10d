import type { ConsumeMessage, MessageProperties, Options } from 'amqplib';
import type { Delivery, OutgoingMessage } from '#libs/messaging';
import { slotOf } from './names.js';

const PREFIX = 'cloudEvents_';
/** The binding allows both on input; RabbitMQ's JMS client cannot read a colon, so `_` is what is sent. */
const PREFIXES = [PREFIX, 'cloudEvents:'];
const KEY = 'partitionkey';
const TOPIC = 'topic';
/** AMQP's short strings: properties and routing keys. */
const SHORT = 255;

export function toAmqp({ id, topic, key, headers }: OutgoingMessage): Options.Publish {
  const amqp: Record<string, string> = { [KEY]: key, [TOPIC]: topic };
  const { 'content-type': contentType, correlationid } = headers;
  for (const name in headers) {
    if (name !== 'content-type' || !isShort(contentType)) amqp[PREFIX + name] = headers[name] as string;
  }
  // A second routing key, which the broker takes off before it delivers.
  const options: Options.Publish = {
    persistent: true,
    mandatory: true,
    headers: amqp,
    BCC: slotOf(key),
  };
  if (isShort(id)) options.messageId = id;
  if (isShort(contentType)) options.contentType = contentType;
  if (isShort(correlationid)) options.correlationId = correlationid;
  return options;
}

function isShort(text: string | undefined): text is string {
  return text !== undefined && Buffer.byteLength(text) <= SHORT;
}

/** Of a message as `toAmqp` has it sent. */
export function sentId({ messageId, headers }: MessageProperties): string {
  return textOf(messageId ?? headers?.[`${PREFIX}id`]);
}

/** Never throws: what is missing shows when the envelope is read, and becomes a dead letter there. */
export function fromAmqp(
  { content, fields, properties }: ConsumeMessage,
  queue: string,
  deliveryLimit = Infinity,
): Delivery {
  const headers: Record<string, string> = {};
  const amqp: Record<string, unknown> = properties.headers ?? {};
  for (const name in amqp) {
    const prefix = PREFIXES.find((known) => name.startsWith(known));
    if (prefix) headers[name.slice(prefix.length)] = textOf(amqp[name]);
  }
  if (properties.contentType !== undefined) headers['content-type'] = String(properties.contentType);
  return {
    id: textOf(properties.messageId ?? headers['id']),
    topic: amqp[TOPIC] === undefined ? `${headers['source'] ?? ''}.events` : textOf(amqp[TOPIC]),
    type: headers['type'] ?? fields.routingKey,
    key: textOf(amqp[KEY] ?? headers['partitionkey']),
    headers,
    body: content,
    redelivered: fields.redelivered,
    ...(Number(amqp['x-delivery-count'] ?? 0) >= deliveryLimit ? { givenUp: true } : {}),
    origin: `${queue} #${fields.deliveryTag}`,
  };
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  if (typeof value === 'object' && '!' in value && value['!'] === 'timestamp' && 'value' in value) {
    const time = new Date(Number(value.value) * 1_000);
    // AMQP's timestamps go further than those of a calendar.
    return Number.isNaN(time.getTime()) ? String(value.value) : time.toISOString();
  }
  return JSON.stringify(value);
}
