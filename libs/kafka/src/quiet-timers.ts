import { createRequire } from 'node:module';

interface RequestQueue {
  pending: readonly unknown[];
  throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

/**
 * kafkajs 2.2.4 sets a timer after each response even when nothing waits, with a negative delay, on which Node prints a
 * TimeoutNegativeWarning. Here the timer is set only where there is something to check.
 */
export function quietTimers(): void {
  const queue = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as { prototype: RequestQueue };
  const original = queue.prototype.scheduleCheckPendingRequests;
  if (original.name === 'onlyWhenNeeded') return;
  queue.prototype.scheduleCheckPendingRequests = function onlyWhenNeeded(this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) original.call(this);
  };
}
