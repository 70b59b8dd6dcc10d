import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ROOT_CONTEXT, context, propagation, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startTracing, type Tracing } from './start.js';

let tracing: Tracing | undefined;
const start = async () => (tracing = await startTracing({ service: 'order' }));
const end = async () => {
  await tracing?.shutdown();
  tracing = undefined;
};

function traceparentOfASpan(): string | undefined {
  return trace.getTracer('spec').startActiveSpan('work', (span) => {
    const carrier: Record<string, string> = {};
    propagation.inject(context.active(), carrier);
    span.end();
    return carrier['traceparent'];
  });
}

async function silentPort(): Promise<number> {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  server.unref();
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

afterEach(async () => {
  vi.unstubAllEnvs();
  await end();
});

describe('startTracing', () => {
  it('gives spans a sampled traceparent without any endpoint', async () => {
    expect(traceparentOfASpan()).toBeUndefined();
    await start();
    expect(traceparentOfASpan()).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it.each(['00', '01'])(
    'has spans without any endpoint go on with the trace and flag %s of their parent',
    async (flags) => {
      await start();
      const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-${flags}`;
      const parent = propagation.extract(ROOT_CONTEXT, { traceparent });
      const own = context.with(parent, traceparentOfASpan);
      expect(own).toMatch(new RegExp(`^00-a{32}-[0-9a-f]{16}-${flags}$`));
      expect(own).not.toBe(traceparent);
    },
  );

  it('keeps the current span through awaits', async () => {
    await start();
    await trace.getTracer('spec').startActiveSpan('work', async (span) => {
      await Promise.resolve();
      expect(trace.getActiveSpan()).toBe(span);
    });
  });

  it('ends with its shutdown', async () => {
    await start();
    expect(traceparentOfASpan()).toBeDefined();
    await end();
    expect(traceparentOfASpan()).toBeUndefined();
  });

  it('hands ended spans to the endpoint before shutdown resolves', async () => {
    const receiver = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const asked = once(receiver, 'request') as Promise<[IncomingMessage]>;
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`);

    await start();
    traceparentOfASpan();
    await end();

    const [request] = await asked;
    expect(request.url).toBe('/v1/traces');
    expect(request.headers['content-type']).toBe('application/x-protobuf');
    receiver.close();
  });

  it.each([
    ['refuses connections', async () => 1],
    ['answers nothing', silentPort],
  ])('does not hold up the end where the collector %s', async (_, port) => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${await port()}`);
    await start();
    traceparentOfASpan();
    const startedAt = performance.now();
    await end();
    expect(performance.now() - startedAt).toBeLessThan(4_500);
  });

  it('exports no more traces than the sampler chooses', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://127.0.0.1:1');
    vi.stubEnv('OTEL_TRACES_SAMPLER', 'parentbased_traceidratio');
    vi.stubEnv('OTEL_TRACES_SAMPLER_ARG', '0.1');
    await start();
    const sampled = Array.from({ length: 1_000 }, traceparentOfASpan).filter((one) => one?.endsWith('-01'));
    expect(sampled.length).toBeGreaterThan(30);
    expect(sampled.length).toBeLessThan(300);
  });
});
