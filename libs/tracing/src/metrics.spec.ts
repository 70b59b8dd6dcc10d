import { metrics } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startMetrics, type Metrics } from './metrics.js';

describe('startMetrics', () => {
  let started: Metrics;
  beforeEach(() => {
    started = startMetrics({ service: 'order' });
  });
  afterEach(() => started.shutdown());

  it('renders what was recorded, with its label', async () => {
    const counter = metrics.getMeter('spec').createCounter('messaging.client.sent.messages', { unit: '{message}' });
    counter.add(2, { type: 'order.placed' });
    counter.add(1, { type: 'order.placed' });
    expect(await started.render()).toMatch(/^messaging_client_sent_messages_total\{type="order.placed"\} 3$/m);
  });

  it('names the service once, not on each line', async () => {
    expect(await started.render()).toMatch(/^target_info\{service_name="order".*\} 1$/m);
  });

  it('tells the event loop delay in seconds, and the memory in bytes', async () => {
    const text = await started.render();
    expect(Number(/^nodejs_eventloop_delay_max (\S+)$/m.exec(text)?.[1])).toBeLessThan(60);
    expect(Number(/^process_memory_usage (\S+)$/m.exec(text)?.[1])).toBeGreaterThan(10_000_000);
  });

  it('tells of no delay while the process has nothing to do', async () => {
    const delays = async () => {
      const text = await started.render();
      return ['p50', 'max'].map((name) =>
        Number(new RegExp(`^nodejs_eventloop_delay_${name} (\\S+)$`, 'm').exec(text)?.[1]),
      );
    };
    await expect
      .poll(delays, { interval: 500 })
      .toEqual([
        expect.toSatisfy((median: number) => median < 0.05),
        expect.toSatisfy((longest: number) => longest > 0),
      ]);
  });

  it('renders again after the last one, with the counters going on', async () => {
    const counter = metrics.getMeter('spec').createCounter('again');
    counter.add(1);
    await started.render();
    counter.add(1);
    expect(await started.render()).toMatch(/^again_total 2$/m);
  });

  it('leaves out what is not observed any more, label by label', async () => {
    let labels = ['payment', 'shipping'];
    metrics
      .getMeter('spec')
      .createObservableGauge('stuck')
      .addCallback((gauge) => labels.forEach((label) => gauge.observe(1, { label })));
    const told = async () =>
      [...(await started.render()).matchAll(/^stuck\{label="(.*)"\} 1$/gm)].map(([, label]) => label);
    expect(await told()).toEqual(labels);
    labels = ['shipping'];
    expect(await told()).toEqual(labels);
    labels = [];
    expect(await told()).toEqual(labels);
    labels = ['payment'];
    expect(await told()).toEqual(labels);
  });

  it('tells all who ask at once the same', async () => {
    metrics
      .getMeter('spec')
      .createObservableGauge('ready')
      .addCallback((gauge) => gauge.observe(1));
    const [one, other] = await Promise.all([started.render(), started.render()]);
    expect(one).toMatch(/^ready 1$/m);
    expect(other).toBe(one);
    expect(await started.render()).toMatch(/^ready 1$/m);
  });
});
