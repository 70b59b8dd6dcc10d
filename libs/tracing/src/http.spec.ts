import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import Fastify from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { httpSpans } from './http-server.js';
import { tracedRequest } from './http-client.js';

const exporter = new InMemorySpanExporter();
const fastify = Fastify();
let url: string;

const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const current = () => trace.getActiveSpan()?.spanContext();

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));

  httpSpans(fastify);
  fastify.post('/orders', () => current());
  fastify.get('/orders/:orderId', () => current());
  fastify.get('/health/live', () => ({ traced: current() !== undefined }));
  fastify.get('/fails', () => {
    throw new RangeError('no such luck');
  });
  fastify.post('/echo', { bodyLimit: 10_000_000 }, ({ body }) => body);
  fastify.get('/moved', (_request, reply) => reply.redirect('/orders/1', 308));
  fastify.get('/silent', () => new Promise(() => undefined));
  fastify.get('/stalls', (_request, reply) => void reply.hijack().raw.writeHead(200).write('{"charge'));
  fastify.get('/breaks-off', (_request, reply) => {
    const { raw } = reply.hijack();
    raw.writeHead(200).write('{"charge', () => raw.destroy());
  });
  fastify.get('/is-reset', (_request, reply) => {
    const { raw } = reply.hijack();
    raw.writeHead(200).write('{"charge', () => raw.socket?.resetAndDestroy());
  });
  fastify.get('/switches', (_request, reply) => {
    reply
      .hijack()
      .raw.socket?.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: none\r\nConnection: upgrade\r\n\r\n');
  });
  url = await fastify.listen({ host: '127.0.0.1', port: 0 });
});
afterEach(() => exporter.reset());
afterAll(() => fastify.close());

describe('httpSpans', () => {
  it('continues the trace of the caller', async () => {
    const answer = await fastify.inject({ url: '/orders/1', headers: { traceparent: parent } });
    expect(answer.json()).toMatchObject({ traceId: '0af7651916cd43dd8448eb211c80319c' });
    expect(exporter.getFinishedSpans()[0]?.parentSpanContext?.spanId).toBe('b7ad6b7169203331');
  });

  it('begins a trace where the caller has none, and has it current after a body was read', async () => {
    const response = await fetch(`${url}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ lines: 'x'.repeat(50_000) }),
    });
    const seen = await response.json();
    expect(seen).toMatchObject({ traceId: exporter.getFinishedSpans()[0]?.spanContext().traceId });
  });

  it('names the span by method and route, never by id', async () => {
    await fastify.inject('/orders/42?expand=1');
    const [span] = exporter.getFinishedSpans();
    expect(span).toMatchObject({
      name: 'GET /orders/:orderId',
      kind: SpanKind.SERVER,
      attributes: {
        'http.request.method': 'GET',
        'http.route': '/orders/:orderId',
        'http.response.status_code': 200,
        'url.path': '/orders/42',
      },
    });
  });

  it('ends in an error when the handler throws, and not when the caller asked for nothing there', async () => {
    await fastify.inject('/fails');
    await fastify.inject('/nowhere');
    const [failed, unknown] = exporter.getFinishedSpans();
    expect(failed).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': '500' } });
    expect(failed?.events[0]?.attributes?.['exception.type']).toBe('RangeError');
    expect(unknown).toMatchObject({ name: 'GET', status: { code: SpanStatusCode.UNSET } });
  });

  it('leaves out what machines ask every few seconds', async () => {
    expect((await fastify.inject('/health/live')).json()).toEqual({ traced: false });
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});

describe('tracedRequest', () => {
  it('makes the request a child of its own span, which is a child of the current one', async () => {
    await trace.getTracer('spec').startActiveSpan('charge', async (work) => {
      await tracedRequest(`${url}/orders/7?secret=1`);
      work.end();
    });
    const byKind = new Map(exporter.getFinishedSpans().map((span) => [span.kind, span]));
    const [server, client, work] = [SpanKind.SERVER, SpanKind.CLIENT, SpanKind.INTERNAL].map((kind) =>
      byKind.get(kind),
    );
    expect(server?.parentSpanContext?.spanId).toBe(client?.spanContext().spanId);
    expect(client?.parentSpanContext?.spanId).toBe(work?.spanContext().spanId);
    expect(client?.attributes['url.full']).toBe(`${url}/orders/7`);
  });

  it('sends headers and body, and reads the whole answer', async () => {
    const { status, body } = await tracedRequest(`${url}/echo`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ street: 'Österstraße'.repeat(20_000) }),
    });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ street: 'Österstraße'.repeat(20_000) });
  });

  it('follows no redirect, and tells where it points', async () => {
    expect(await tracedRequest(`${url}/moved`)).toMatchObject({ status: 308, location: '/orders/1' });
  });

  it('rejects with the error of the connection, which the span names', async () => {
    await expect(tracedRequest('http://127.0.0.1:1/charges')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(exporter.getFinishedSpans()[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      attributes: { 'error.type': 'ECONNREFUSED', 'server.port': 1 },
    });
  });

  it.each(['/silent', '/stalls'])('rejects with the reason of the signal while it waits: %s', async (path) => {
    const asked = tracedRequest(`${url}${path}`, { signal: AbortSignal.timeout(200) });
    await expect(asked).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(exporter.getFinishedSpans()).toContainEqual(
      expect.objectContaining({ attributes: expect.objectContaining({ 'error.type': 'TimeoutError' }) }),
    );
  });

  it.each(['/breaks-off', '/is-reset'])('rejects when the answer ends too early: %s', async (path) => {
    await expect(tracedRequest(`${url}${path}`)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('rejects when the answer is none, but another protocol', async () => {
    await expect(tracedRequest(`${url}/switches`)).rejects.toMatchObject({
      message: 'the connection ended without an answer',
      code: 'ECONNRESET',
    });
  });
});
