import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { SOON, type Span, type TraceStore } from './span.js';

/* The part of OTLP's JSON that is read here (opentelemetry-proto 1.x). */
interface Value {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
}
type Attributes = readonly { readonly key: string; readonly value: Value }[];
interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}
interface OtlpSpan extends Pick<Span, 'traceId' | 'spanId' | 'parentSpanId' | 'name'> {
  readonly kind: number;
  readonly attributes?: Attributes;
  readonly events?: readonly { readonly name: string; readonly attributes?: Attributes }[];
  readonly status?: { readonly code?: number };
}

const KINDS = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const ERROR = 2;

/** Takes spans by OTLP over HTTP and keeps them in memory. */
export async function startReceiver(): Promise<TraceStore> {
  const spans = new Map<string, Span>();
  const server = createServer((request, response) => {
    json(request).then(
      (body) => {
        for (const span of read(body as Export)) spans.set(span.spanId, span);
        response.setHeader('content-type', 'application/json').end('{}');
      },
      () => response.writeHead(400).end(),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    env: {
      ...SOON,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    },
    spansOf: async (traceId) => [...spans.values()].filter((span) => span.traceId === traceId),
    async tracesAbout(orderId) {
      const about = [...spans.values()].filter(({ attributes }) => attributes['order.id'] === orderId);
      return [...new Set(about.map(({ traceId }) => traceId))];
    },
    async stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function read({ resourceSpans }: Export): Span[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const service = String(record(resource.attributes)['service.name']);
    return scopeSpans.flatMap((scope) => scope.spans).map((span) => toSpan(span, service));
  });
}

function toSpan(
  { traceId, spanId, parentSpanId, name, kind, attributes, events, status }: OtlpSpan,
  service: string,
): Span {
  return {
    traceId,
    spanId,
    ...(parentSpanId ? { parentSpanId } : {}),
    service,
    name,
    kind: KINDS[kind] ?? 'internal',
    attributes: record(attributes),
    failed: status?.code === ERROR,
    exceptions: (events ?? []).map((event) => String(record(event.attributes)['exception.type'])),
  };
}

function record(attributes: Attributes = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0] as unknown]));
}
