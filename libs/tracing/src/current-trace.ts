import { isSpanContextValid, trace } from '@opentelemetry/api';

/** The id of the trace that is active, 32 hexadecimal digits; undefined outside of any. */
export function currentTraceId(): string | undefined {
  const current = trace.getActiveSpan()?.spanContext();
  return current && isSpanContextValid(current) ? current.traceId : undefined;
}
