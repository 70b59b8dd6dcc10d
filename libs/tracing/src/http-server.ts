import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import type { Context, Span } from '@opentelemetry/api';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_HTTP_ROUTE,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
} from '@opentelemetry/semantic-conventions';
import type { FastifyInstance, FastifyRequest } from 'fastify';

const tracer = trace.getTracer('farandole.http');

/** Asked by machines every few seconds, and about no order. */
const unseen = /^\/(health|metrics|docs)(\/|$)/;

interface Traced {
  readonly span: Span;
  readonly within: Context;
}

/**
 * One SERVER span for each request, child of the caller's `traceparent`, current in every later hook and in the handler.
 * Call it before any other hook is added. A request that fails with 5xx, or whose caller hangs up, ends its span with an error.
 */
export function httpSpans(fastify: Pick<FastifyInstance, 'addHook'>): void {
  const requests = new WeakMap<FastifyRequest, Traced>();

  fastify.addHook('onRequest', (request, _reply, done) => {
    if (unseen.test(request.url)) return done();
    const traced = begin(request);
    requests.set(request, traced);
    context.with(traced.within, done);
  });

  // The body has arrived by now, from a socket's callback that knows nothing of the request's context.
  fastify.addHook('preValidation', (request, _reply, done) => {
    const traced = requests.get(request);
    if (traced) context.with(traced.within, done);
    else done();
  });

  fastify.addHook('onError', (request, _reply, error, done) => {
    requests.get(request)?.span.recordException(error);
    done();
  });

  fastify.addHook('onResponse', (request, reply, done) => {
    const span = requests.get(request)?.span;
    if (span) end(span, reply.statusCode);
    done();
  });

  // A response may still follow, to nobody: it finds no span to end again.
  fastify.addHook('onRequestAbort', (request, done) => {
    requests
      .get(request)
      ?.span.setAttribute(ATTR_ERROR_TYPE, 'aborted')
      .setStatus({ code: SpanStatusCode.ERROR })
      .end();
    requests.delete(request);
    done();
  });
}

function begin(request: FastifyRequest): Traced {
  const parent = propagation.extract(ROOT_CONTEXT, request.headers);
  const route = request.routeOptions.url;
  const span = tracer.startSpan(
    route === undefined ? request.method : `${request.method} ${route}`,
    {
      kind: SpanKind.SERVER,
      attributes: {
        [ATTR_HTTP_REQUEST_METHOD]: request.method,
        [ATTR_URL_PATH]: request.url.split('?', 1)[0],
        [ATTR_URL_SCHEME]: request.protocol,
        ...(route === undefined ? {} : { [ATTR_HTTP_ROUTE]: route }),
      },
    },
    parent,
  );
  return { span, within: trace.setSpan(parent, span) };
}

function end(span: Span, status: number): void {
  span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, status);
  if (status >= 500) span.setAttribute(ATTR_ERROR_TYPE, String(status)).setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}
