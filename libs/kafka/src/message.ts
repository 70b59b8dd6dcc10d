import type { IHeaders, KafkaMessage, Message } from 'kafkajs';
import type { Delivery, OutgoingMessage } from '#libs/messaging';

const prefix = 'ce_';
const unprefixed = 'content-type';
/** Where the headers do not say them already. */
const own = { id: 'farandole-id', type: 'farandole-type' };

/** CloudEvents' Kafka binding, binary mode: `ce_` before every attribute but the content type; the key is the partition key. */
export function toKafka(message: OutgoingMessage): Message {
  const headers: IHeaders = {};
  for (const [name, value] of Object.entries(message.headers)) {
    headers[name === unprefixed ? name : prefix + name] = value;
  }
  if (message.headers['id'] !== message.id) headers[own.id] = message.id;
  if (message.headers['type'] !== message.type) headers[own.type] = message.type;
  return { key: message.key, value: message.body, headers };
}

/**
 * As it was published. Somebody else's may be in structured mode and say its id and type in the body. Absent where it has no type,
 * so that nobody can want it.
 */
export function fromKafka(topic: string, partition: number, message: KafkaMessage): Delivery | undefined {
  const { [own.id]: ownId, [own.type]: ownType, ...headers } = headersOf(message);
  const body = message.value ?? Buffer.alloc(0);
  const said = (ownType ?? headers['type']) ? headers : structured(headers[unprefixed], body);
  const type = ownType ?? said['type'];
  if (!type) return undefined;
  return {
    id: ownId ?? said['id'] ?? '',
    topic,
    type,
    key: message.key?.toString() ?? said['partitionkey'] ?? '',
    headers,
    body,
    redelivered: false,
    origin: `${topic}[${partition}]@${message.offset}`,
  };
}

function headersOf(message: KafkaMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    const text = (Array.isArray(value) ? value.at(-1) : value)?.toString();
    if (text !== undefined) headers[name.startsWith(prefix) ? name.slice(prefix.length) : name] = text;
  }
  return headers;
}

function structured(contentType: string | undefined, body: Buffer): Record<string, string> {
  if (!contentType?.startsWith('application/cloudevents+json')) return {};
  try {
    const event = JSON.parse(body.toString('utf8')) as Record<string, unknown> | null;
    return Object.fromEntries(
      Object.entries(event ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    );
  } catch {
    return {};
  }
}

/** Bytes on the wire, roughly. */
export function sizeOf(message: OutgoingMessage): number {
  let size = message.body.length + message.key.length + 100;
  for (const [name, value] of Object.entries(message.headers)) size += name.length + value.length + 8;
  return size;
}
