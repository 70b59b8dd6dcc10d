import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '@opentelemetry/api';

/** Each look wakes the process, which is dear where many have nothing to do. */
const RESOLUTION_MS = 100;

/** Observes event loop and memory of this process, under the names of the semantic conventions for Node.js. Returns what ends it. */
export function observeProcess(meter: Meter): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();

  /** In seconds; what is recorded is the time between two looks, in nanoseconds. */
  const lateBy = (between: number) => Math.max(0, between / 1e9 - RESOLUTION_MS / 1e3);
  const seconds = (name: string, description: string) => meter.createObservableGauge(name, { description, unit: 's' });
  const bytes = (name: string, description: string) => meter.createObservableGauge(name, { description, unit: 'By' });
  const median = seconds('nodejs.eventloop.delay.p50', 'Event loop delay since the last scrape, median');
  const late = seconds('nodejs.eventloop.delay.p99', 'Event loop delay since the last scrape, 99th percentile');
  const latest = seconds('nodejs.eventloop.delay.max', 'Event loop delay since the last scrape, longest');
  const memory = bytes('process.memory.usage', 'Resident memory');
  const heap = bytes('nodejs.heap.used', 'JavaScript heap in use');

  meter.addBatchObservableCallback(
    (result) => {
      result.observe(median, lateBy(delay.percentile(50)));
      result.observe(late, lateBy(delay.percentile(99)));
      result.observe(latest, lateBy(delay.max));
      delay.reset();
      const usage = process.memoryUsage();
      result.observe(memory, usage.rss);
      result.observe(heap, usage.heapUsed);
    },
    [median, late, latest, memory, heap],
  );
  return () => {
    delay.disable();
  };
}
