import { request as overHttp, type IncomingMessage } from 'node:http';
import { request as overHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { SpanKind, SpanStatusCode, context, propagation, trace, type Span } from '@opentelemetry/api';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_FULL,
} from '@opentelemetry/semantic-conventions';

export interface HttpRequest {
  /** Default: GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** Whatever the status; a redirect is an answer, too. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** Where a redirect points. */
  readonly location: string | undefined;
}

const tracer = trace.getTracer('farandole.http');

/**
 * One request over a connection that is kept for the next, in a CLIENT span of the current one, with its `traceparent` in the headers.
 * Resolves once the whole answer has been read.
 * @throws the signal's reason once it is aborted, else the error of the connection, with its `code`
 */
export async function tracedRequest(input: string | URL, request: HttpRequest = {}): Promise<HttpAnswer> {
  const url = new URL(input);
  const span = startSpan(url, request.method ?? 'GET');
  const headers = { ...request.headers };
  propagation.inject(trace.setSpan(context.active(), span), headers);
  try {
    const answer = await exchange(url, { ...request, headers });
    span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, answer.status);
    if (answer.status >= 400) fail(span, String(answer.status));
    return answer;
  } catch (thrown) {
    const error = (request.signal?.aborted ? request.signal.reason : thrown) as Error & { readonly code: unknown };
    span.recordException(error as Error);
    fail(span, typeof error.code === 'string' ? error.code : error.name);
    throw error;
  } finally {
    span.end();
  }
}

async function exchange(url: URL, { body, ...options }: HttpRequest): Promise<HttpAnswer> {
  const request = (url.protocol === 'https:' ? overHttps : overHttp)(url, options);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    // Stays: a reset while the answer is read is an error of the request as well as of the answer.
    request.on('error', reject).once('response', resolve).end(body);
    // All that is told of an answer that switches protocols; the code as Node has it where there is no answer.
    const unanswered = () => Object.assign(new Error('the connection ended without an answer'), { code: 'ECONNRESET' });
    request.once('close', () => reject(unanswered()));
  });
  return { status: response.statusCode!, body: await text(response), location: response.headers.location };
}

function startSpan(url: URL, method: string): Span {
  return tracer.startSpan(method, {
    kind: SpanKind.CLIENT,
    attributes: {
      [ATTR_HTTP_REQUEST_METHOD]: method,
      [ATTR_SERVER_ADDRESS]: url.hostname,
      [ATTR_SERVER_PORT]: Number(url.port || (url.protocol === 'https:' ? 443 : 80)),
      [ATTR_URL_FULL]: withoutSecrets(url),
    },
  });
}

function fail(span: Span, type: string): void {
  span.setAttribute(ATTR_ERROR_TYPE, type).setStatus({ code: SpanStatusCode.ERROR });
}

function withoutSecrets(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
