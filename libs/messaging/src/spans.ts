import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
  type Context,
} from '@opentelemetry/api';
import { Postponed } from './errors.js';
import type { OutgoingMessage } from './transport.js';

/*
 * Names and attributes follow the OpenTelemetry semantic conventions for messaging, version 1.45; a test compares them. A span is named by
 * the type of its message, which says more than the destination; `order.id`, `farandole.*` and `messaging.redelivered` are ours.
 */

const tracer = trace.getTracer('farandole.messaging');

/** A transport's name by the conventions. */
export function systemOf(transport: string): string {
  return transport === 'postgres' ? 'postgresql' : transport;
}

/** What spans say of a message; bounded in number, ids allowed (these are not metric labels). */
export interface Spanned {
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly correlationId?: string | undefined;
}

interface Logged extends Omit<Spanned, 'id'> {
  readonly id?: string | undefined;
  readonly traceparent?: string | undefined;
}

function attributesOf(message: Spanned): Attributes {
  return {
    'messaging.message.id': message.id,
    ...(message.correlationId ? { 'messaging.message.conversation_id': message.correlationId } : {}),
    'order.id': message.key,
  };
}

/** The trace context for a message that is being created: a finished `create` span, child of whatever is active. */
export function created(
  message: Spanned,
  system: string,
  destination: string,
): { traceparent?: string; tracestate?: string } {
  const span = tracer.startSpan(`create ${message.type}`, {
    kind: SpanKind.PRODUCER,
    attributes: {
      ...attributesOf(message),
      'messaging.system': system,
      'messaging.operation.name': 'create',
      'messaging.operation.type': 'create',
      'messaging.destination.name': destination,
    },
  });
  span.end();
  return carrierOf(trace.setSpan(context.active(), span));
}

/** The active trace context in W3C headers, to be stored with what goes on later. */
export function carrierOf(from: Context = context.active()): { traceparent?: string; tracestate?: string } {
  const carrier: Record<string, string> = {};
  propagation.inject(from, carrier);
  return {
    ...(carrier['traceparent'] ? { traceparent: carrier['traceparent'] } : {}),
    ...(carrier['tracestate'] ? { tracestate: carrier['tracestate'] } : {}),
  };
}

type Carrier = Readonly<Record<string, string | undefined>>;

/** Runs `publish` with one `publish` span per message, each a child of where its message was created; ends them as the promise ends. */
export async function publishing(
  system: string,
  messages: readonly {
    readonly id: string;
    readonly type: string;
    readonly key: string;
    readonly topic: string;
    readonly headers: Carrier;
  }[],
  publish: () => Promise<void>,
): Promise<void> {
  const spans = messages.map((message) =>
    tracer.startSpan(
      `publish ${message.type}`,
      {
        kind: SpanKind.CLIENT,
        attributes: {
          ...attributesOf({ ...message, correlationId: message.headers['correlationid'] }),
          'messaging.system': system,
          'messaging.operation.name': 'publish',
          'messaging.operation.type': 'send',
          'messaging.destination.name': message.topic,
          'messaging.batch.message_count': messages.length,
        },
      },
      propagation.extract(ROOT_CONTEXT, message.headers),
    ),
  );
  try {
    await publish();
  } catch (error) {
    for (const span of spans) fail(span, error);
    throw error;
  } finally {
    for (const span of spans) span.end();
  }
}

/** What a log line tells of a message; of its trace the id, and that of the span that created the message. */
export function fieldsOf({ type, id, correlationId, key, traceparent }: Logged): object {
  const [, trace_id, span_id] = traceparent?.split('-') ?? [];
  const ids = trace_id && span_id ? { trace_id, span_id } : {};
  return { type, message_id: id, correlation_id: correlationId, order_id: key, ...ids };
}

/** The same of its headers: it may be what cannot be read. */
export function storedFields({ type, key, headers }: Pick<OutgoingMessage, 'type' | 'key' | 'headers'>): object {
  const { id, correlationid: correlationId, traceparent } = headers;
  return fieldsOf({ type, key, id, correlationId, traceparent });
}

/** Runs `work` in a span of its own, child of whatever is active. */
export async function spanned<T>(name: string, work: () => Promise<T>): Promise<T> {
  const span = tracer.startSpan(name);
  try {
    return await context.with(trace.setSpan(context.active(), span), work);
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

function fail(span: Span, error: unknown): void {
  span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
  span.recordException(error as Error);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Runs `work` within a `process` span whose parent is the message's stored context; a rejection is recorded and passed on. */
export async function processing<T>(
  message: Spanned & { readonly traceparent?: string; readonly tracestate?: string },
  attributes: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  const parent = propagation.extract(ROOT_CONTEXT, {
    traceparent: message.traceparent,
    tracestate: message.tracestate,
  });
  const span = tracer.startSpan(
    `process ${message.type}`,
    {
      kind: SpanKind.CONSUMER,
      attributes: {
        ...attributesOf(message),
        'messaging.operation.name': 'process',
        'messaging.operation.type': 'process',
        ...attributes,
      },
    },
    parent,
  );
  try {
    return await context.with(trace.setSpan(parent, span), work);
  } catch (error) {
    if (error instanceof Postponed) span.setAttribute('farandole.postponed', true);
    else fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}
