import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_FULL,
} from '@opentelemetry/semantic-conventions';

const tracer = trace.getTracer('farandole.http');

/**
 * `fetch`, in a CLIENT span of the current one, with its `traceparent` in the request's headers. Resolves and rejects as `fetch` does;
 * the span lasts until the answer's headers are there.
 */
export async function tracedFetch(input: string | URL, init: RequestInit = {}): Promise<Response> {
  const url = new URL(input);
  const method = init.method ?? 'GET';
  const span = tracer.startSpan(method, {
    kind: SpanKind.CLIENT,
    attributes: {
      [ATTR_HTTP_REQUEST_METHOD]: method,
      [ATTR_SERVER_ADDRESS]: url.hostname,
      [ATTR_SERVER_PORT]: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
      [ATTR_URL_FULL]: withoutSecrets(url),
    },
  });
  const within = trace.setSpan(context.active(), span);
  try {
    const headers = new Headers(init.headers);
    propagation.inject(within, headers, { set: (carrier, name, value) => carrier.set(name, value) });
    const response = await context.with(within, () => fetch(url, { ...init, headers }));
    span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, response.status);
    if (response.status >= 400) fail(span, String(response.status));
    return response;
  } catch (error) {
    span.recordException(error as Error);
    fail(span, (error as Error).name);
    throw error;
  } finally {
    span.end();
  }
}

function fail(span: ReturnType<typeof tracer.startSpan>, type: string): void {
  span.setAttribute(ATTR_ERROR_TYPE, type).setStatus({ code: SpanStatusCode.ERROR });
}

function withoutSecrets(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
