import { context, isSpanContextValid, trace, TraceFlags } from '@opentelemetry/api';
import type { Context, Span, SpanOptions, Tracer, TracerProvider } from '@opentelemetry/api';
import { RandomIdGenerator } from '@opentelemetry/sdk-trace';

const ids = new RandomIdGenerator();

/** Spans that have their ids, so that every message carries its trace, and record nothing. Sampled unless their parent is not: another service may export its part. */
export const idsOnly: TracerProvider = { getTracer: () => tracer };

const tracer: Tracer = { startSpan, startActiveSpan };

function startSpan(_name: string, options?: SpanOptions, within: Context = context.active()): Span {
  const parent = options?.root ? undefined : trace.getSpanContext(within);
  const spanId = ids.generateSpanId();
  if (parent && isSpanContextValid(parent)) return trace.wrapSpanContext({ ...parent, isRemote: false, spanId });
  return trace.wrapSpanContext({ traceId: ids.generateTraceId(), spanId, traceFlags: TraceFlags.SAMPLED });
}

/** Of the three ways to call it, the work comes last, and the context before it. */
function startActiveSpan<Work extends (span: Span) => unknown>(
  name: string,
  ...rest: [Work] | [SpanOptions, Work] | [SpanOptions, Context, Work]
): ReturnType<Work> {
  const work = rest.at(-1) as (span: Span) => ReturnType<Work>;
  const options = rest.length > 1 ? (rest[0] as SpanOptions) : undefined;
  const within = rest.length > 2 ? (rest[1] as Context) : context.active();
  const span = startSpan(name, options, within);
  return context.with(trace.setSpan(within, span), work, undefined, span);
}
