import { GenericContainer, Wait } from 'testcontainers';
import { SOON, type Span, type TraceStore } from './span.js';

const OTLP = 4318;
const QUERY = 16686;

interface Tag {
  readonly key: string;
  readonly value: unknown;
}
interface Trace {
  readonly traceID: string;
  readonly processes: Readonly<Record<string, { readonly serviceName: string }>>;
  readonly spans: readonly {
    readonly spanID: string;
    readonly operationName: string;
    readonly processID: string;
    readonly references: readonly { readonly refType: string; readonly traceID: string; readonly spanID: string }[];
    readonly tags: readonly Tag[];
    readonly logs: readonly { readonly fields: readonly Tag[] }[];
  }[];
}

/** A Jaeger in a container, read by its query API. */
export async function startJaeger(): Promise<TraceStore> {
  const container = await new GenericContainer('jaegertracing/jaeger:2.13.0')
    .withExposedPorts(OTLP, QUERY)
    .withWaitStrategy(Wait.forHttp('/api/services', QUERY))
    .start();
  const at = (port: number) => `http://${container.getHost()}:${container.getMappedPort(port)}`;
  const ask = async (path: string): Promise<readonly Trace[]> => {
    const response = await fetch(`${at(QUERY)}/api/traces${path}`);
    if (response.status === 404) return [];
    if (!response.ok) throw new Error(`Jaeger answered ${response.status}: ${await response.text()}`);
    return ((await response.json()) as { data: readonly Trace[] }).data;
  };
  return {
    env: { ...SOON, OTEL_EXPORTER_OTLP_ENDPOINT: at(OTLP), OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' },
    spansOf: async (traceId) => (await ask(`/${traceId}`)).flatMap(spansIn),
    async tracesAbout(orderId) {
      const tags = encodeURIComponent(JSON.stringify({ 'order.id': orderId }));
      return (await ask(`?service=order&limit=20&lookback=1h&tags=${tags}`)).map(({ traceID }) => traceID);
    },
    stop: async () => void (await container.stop()),
  };
}

function spansIn({ traceID, processes, spans }: Trace): Span[] {
  return spans.map(({ spanID, operationName, processID, references, tags, logs }) => {
    const parent = references.find(({ refType, traceID: of }) => refType === 'CHILD_OF' && of === traceID);
    const { 'span.kind': kind = 'internal', error = false, ...attributes } = record(tags);
    return {
      traceId: traceID,
      spanId: spanID,
      ...(parent ? { parentSpanId: parent.spanID } : {}),
      service: processes[processID]?.serviceName ?? '',
      name: operationName,
      kind: kind as Span['kind'],
      attributes,
      failed: error === true,
      exceptions: logs.map(({ fields }) => String(record(fields)['exception.type'])),
    };
  });
}

function record(tags: readonly Tag[]): Record<string, unknown> {
  return Object.fromEntries(tags.map(({ key, value }) => [key, value]));
}
