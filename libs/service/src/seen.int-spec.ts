import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encode } from '#libs/contracts';
import { Hopeless } from '#libs/messaging';
import { startMetrics, type Metrics } from '#libs/tracing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { broken, DeadLetterProbe, failing } from '../testing/dead-letter-probe.js';
import { placed } from '../testing/placed.js';

const PARENT = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };

describe('what is seen of a message', () => {
  const exporter = new InMemorySpanExporter();
  let metrics: Metrics;
  let probe: DeadLetterProbe;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
    metrics = startMetrics({ service: 'inventory' });
    const fresh = await freshDatabase();
    drop = fresh.drop;
    probe = await DeadLetterProbe.start(fresh.url);
  });
  afterEach(async () => {
    exporter.reset();
    await probe.clear();
  });
  afterAll(async () => {
    await probe.service.close();
    await metrics.shutdown();
    await drop();
  });

  const spans = () =>
    exporter
      .getFinishedSpans()
      .filter(({ name }) => name.startsWith('process '))
      .map(({ attributes, parentSpanContext, status }) => ({
        parent: parentSpanContext?.spanId,
        redelivered: attributes['messaging.redelivered'],
        duplicate: attributes['farandole.duplicate'],
        attempt: attributes['farandole.attempt'],
        error: attributes['error.type'],
        failed: status.code === SpanStatusCode.ERROR,
      }));
  const seen = (of: object) => ({ parent: 'b7ad6b7169203331', failed: false, ...of });

  it('that comes again: a second span below the same parent, which says that nothing was done', async () => {
    const order = { ...placed('one'), ...PARENT };
    await probe.service.deliver([order]);
    await probe.service.deliverAgain([order]);
    expect(spans()).toEqual([seen({}), seen({ redelivered: true, duplicate: true })]);
    expect(await metrics.render()).toMatch(/^farandole_redelivered_messages_total\{.*"order\.placed".*\} 1$/m);
  });

  it('that fails: a span for each try, with its number, the error in those that failed', async () => {
    failing.set('one', () => (failing.delete('one'), broken()));
    await probe.service.deliver([{ ...placed('one'), ...PARENT }]);
    // The span ends a moment after the commit that everybody sees.
    await expect.poll(spans).toEqual([seen({ error: 'Error', failed: true }), seen({ attempt: 2 })]);
  });

  it('that is set aside: a count by its type', async () => {
    failing.set('one', () => new Hopeless('never'));
    await probe.service.deliver([placed('one')]);
    expect(await countsOf('dead_lettered')).toMatchObject({ 'order.placed': 1 });
    expect(await metrics.render()).toMatch(/^farandole_dead_letters\{farandole_message_type="order\.placed"\} 1$/m);
  });

  it('of a type that nobody knows: no label of its own, however many there are', async () => {
    const { headers, body } = encode(placed('one'));
    for (let n = 0; n < 5; n++) await probe.service.deliverRaw({ ...headers, type: `order.eaten.${n}` }, body);
    expect(await countsOf('dead_lettered')).toMatchObject({ other: 5 });
    expect(await metrics.render()).not.toContain('eaten');
  });

  /** Messages handled, by type, of one outcome. */
  async function countsOf(outcome: string): Promise<Record<string, number>> {
    const lines = (await metrics.render())
      .split('\n')
      .filter((line) => line.startsWith('messaging_client_consumed_messages_total{') && line.includes(`"${outcome}"`));
    return Object.fromEntries(
      lines.map((line) => [/message_type="([^"]*)"/.exec(line)![1]!, Number(line.split(' ').at(-1))]),
    );
  }
});
