import { replaceMethod } from './replace-method.js';

interface Runner {
  readonly running: boolean;
  fetch(nodeId: string): Promise<readonly unknown[]>;
}

/**
 * A consumer of kafkajs 2.2.4 that is stopped while its fetchers are set up anew (a broker came or went) starts them all the same. They are told that
 * there is nothing, at once and for ever, so no timer and no socket of the process gets its turn again. Here they are refused, and end.
 */
export function endStoppedConsumers(): void {
  replaceMethod<Runner, 'fetch'>('consumer/runner', 'fetch', (original) => {
    return async function (nodeId: string) {
      if (!this.running) throw new Error('the consumer was stopped');
      return original.call(this, nodeId);
    };
  });
}
