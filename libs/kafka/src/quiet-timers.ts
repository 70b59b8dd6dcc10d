import { replaceMethod } from './replace-method.js';

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
  replaceMethod<RequestQueue, 'scheduleCheckPendingRequests'>(
    'network/requestQueue',
    'scheduleCheckPendingRequests',
    (original) => {
      return function () {
        if (this.pending.length > 0 || this.throttledUntil > Date.now()) original.call(this);
      };
    },
  );
}
