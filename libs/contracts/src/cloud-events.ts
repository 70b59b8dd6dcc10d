import { z } from 'zod';
import type { Envelope } from './envelope.js';
import { dataOf, MalformedMessage, type MessageType } from './message-type.js';

/**
 * CloudEvents 1.0 attributes by bare name, as they travel beside the body. An adapter adds its protocol's prefix
 * (`ce_` on Kafka, `cloudEvents_` on AMQP) to all but `content-type`.
 */
export type Headers = Readonly<Record<string, string>>;

/** Of a key, a correlation or a causation, UTF-16 code units: at most 1,536 bytes, and an index entry of PostgreSQL holds 2,704. */
export const LONGEST_NAME = 512;

/** PostgreSQL stores no NUL. */
const name = z
  .string()
  .min(1)
  .max(LONGEST_NAME)
  .refine((text) => !text.includes('\0'), 'must not contain NUL');

const attributes = z.object({
  specversion: z.literal('1.0'),
  // As PostgreSQL hands out a uuid.
  id: z.uuidv7().toLowerCase(),
  type: z.string().min(1),
  source: z.string().min(1),
  time: z.iso.datetime({ offset: true }),
  partitionkey: name,
  dataversion: z.coerce.number().int().positive().default(1),
  correlationid: name,
  causationid: name.optional(),
  sequence: z.coerce.number().int().nonnegative().optional(),
  traceparent: z.string().optional(),
  tracestate: z.string().optional(),
});

const names = z.object({ key: name, correlationId: name, causationId: name.optional() });

/**
 * Serialises everything but `sequence`, which the relay adds once the outbox row has its id.
 * @throws MalformedMessage where no reader would take the key, the correlation or the causation
 */
export function encode(envelope: Omit<Envelope, 'sequence'>): { headers: Headers; body: Buffer } {
  const fit = names.safeParse(envelope);
  if (!fit.success) throw new MalformedMessage(`${envelope.type} cannot be sent: ${z.prettifyError(fit.error)}`);
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    specversion: '1.0',
    id: envelope.id,
    type: envelope.type,
    source: envelope.source,
    time: envelope.time,
    partitionkey: envelope.key,
    dataversion: String(envelope.version),
    correlationid: envelope.correlationId,
  };
  if (envelope.causationId) headers['causationid'] = envelope.causationId;
  if (envelope.traceparent) headers['traceparent'] = envelope.traceparent;
  if (envelope.tracestate) headers['tracestate'] = envelope.tracestate;
  return { headers, body: Buffer.from(JSON.stringify(envelope.data)) };
}

/** An envelope whose data has not been checked against its type yet. */
export type Unchecked = Omit<Envelope, 'data'> & { readonly data: unknown };

/**
 * Reads binary mode, and structured mode where the content type is `application/cloudevents+json`.
 * @throws MalformedMessage naming the attribute or the position in the JSON
 */
export function decode(headers: Headers, body: Buffer): Unchecked {
  const structured = headers['content-type']?.startsWith('application/cloudevents+json');
  const json = parseJson(body);
  const found = attributes.safeParse(structured ? json : headers);
  if (!found.success) throw new MalformedMessage(`not a CloudEvent: ${z.prettifyError(found.error)}`);
  const { specversion: _, partitionkey, dataversion, correlationid, causationid, ...same } = found.data;
  return {
    ...same,
    key: partitionkey,
    version: dataversion,
    correlationId: correlationid,
    ...(causationid === undefined ? {} : { causationId: causationid }),
    data: structured ? (json as { data?: unknown }).data : json,
  } as Unchecked;
}

/** @throws MalformedMessage naming each field of the data that does not fit */
export function checked<T extends MessageType>(of: T, envelope: Unchecked): Envelope<T> {
  return { ...envelope, data: dataOf(of, envelope.data) } as Envelope<T>;
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new MalformedMessage(`the body is not JSON: ${withoutExcerpt(error as SyntaxError)}`);
  }
}

/** The message goes to the log, and bodies hold people's data; V8 quotes what is around the mistake. */
function withoutExcerpt({ message }: SyntaxError): string {
  return message.replace(/, (\.\.\.)?".*$/s, '').replace(/^".*" is/s, 'it is');
}
