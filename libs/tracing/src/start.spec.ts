import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { context, propagation, trace } from '@opentelemetry/api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startTracing, type Tracing } from './start.js';

const started: Tracing[] = [];
const start = async () => {
  const tracing = await startTracing({ service: 'order' });
  started.push(tracing);
  return tracing;
};

function traceparentOfASpan(): string | undefined {
  return trace.getTracer('spec').startActiveSpan('work', (span) => {
    const carrier: Record<string, string> = {};
    propagation.inject(context.active(), carrier);
    span.end();
    return carrier['traceparent'];
  });
}

afterEach(async () => {
  vi.unstubAllEnvs();
  for (const tracing of started.splice(0)) await tracing.shutdown();
});

describe('startTracing', () => {
  it('gives spans a sampled traceparent without any endpoint', async () => {
    expect(traceparentOfASpan()).toBeUndefined();
    await start();
    expect(traceparentOfASpan()).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  });

  it('keeps the current span through awaits', async () => {
    await start();
    await trace.getTracer('spec').startActiveSpan('work', async (span) => {
      await Promise.resolve();
      expect(trace.getActiveSpan()).toBe(span);
    });
  });

  it('goes on until the last holder has shut it down', async () => {
    const first = await start();
    const second = await start();
    await first.shutdown();
    await first.shutdown();
    expect(traceparentOfASpan()).toBeDefined();
    await second.shutdown();
    expect(traceparentOfASpan()).toBeUndefined();
  });

  it('hands ended spans to the endpoint before shutdown resolves', async () => {
    const receiver = createServer((_request, response) => response.end()).listen(0, '127.0.0.1');
    await once(receiver, 'listening');
    const asked = once(receiver, 'request') as Promise<[IncomingMessage]>;
    vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`);

    const tracing = await start();
    traceparentOfASpan();
    await tracing.shutdown();

    const [request] = await asked;
    expect(request.url).toBe('/v1/traces');
    expect(request.headers['content-type']).toBe('application/x-protobuf');
    receiver.close();
  });
});
