import { setTimeout as pause } from 'node:timers/promises';
import { context, diag, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { idsOnly } from './ids-only.js';
import { reportTroubleTo } from './trouble.js';

export interface Tracing {
  /** Resolves once the spans ended so far are exported, or could not be within 3 s; then tracing has ended. */
  shutdown(): Promise<void>;
}

/** A collector that is away would be tried for some 10 s, which are all that a service has to stop. */
const FLUSH_WITHIN_MS = 3_000;

/**
 * Makes trace contexts for the whole process; call it once, before the first request. Spans are exported where
 * `OTEL_EXPORTER_OTLP_ENDPOINT` is set, as the other `OTEL_*` variables say.
 */
export async function startTracing({
  service,
  report = (line) => void process.stderr.write(`${line}\n`),
}: {
  readonly service: string;
  /** Told, in a line each, what keeps spans from being exported. */
  readonly report?: (line: string) => void;
}): Promise<Tracing> {
  const started = exportsSpans(process.env) ? await startExporting(service, report) : startSilently();
  return {
    async shutdown() {
      const flushed = started
        .shutdown()
        .catch((error: unknown) => diag.warn(`the last spans could not be exported: ${String(error)}`));
      await Promise.race([flushed, pause(FLUSH_WITHIN_MS, undefined, { ref: false })]);
      trace.disable();
      propagation.disable();
      context.disable();
      diag.disable();
    },
  };
}

function exportsSpans(env: NodeJS.ProcessEnv): boolean {
  const endpoint = env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_ENDPOINT'];
  const disabled = env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true';
  return Boolean(endpoint) && env['OTEL_TRACES_EXPORTER'] !== 'none' && !disabled;
}

/** Nothing is recorded that nobody is sent. */
function startSilently(): Tracing {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  trace.setGlobalTracerProvider(idsOnly);
  return { shutdown: async () => undefined };
}

/** Loaded only where spans are exported: the whole SDK costs each process half a second and 20 MB. */
async function startExporting(service: string, report: (line: string) => void): Promise<Tracing> {
  const { startNodeSdk } = await import('@opentelemetry/sdk-node');
  const sdk = startNodeSdk({
    resourceAttributes: { 'service.name': service, 'service.namespace': 'farandole' },
    metricReaders: [],
    logRecordProcessors: [],
  });
  reportTroubleTo(report);
  return sdk;
}
