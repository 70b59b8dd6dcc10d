import type { CreatedProxy } from '@testcontainers/toxiproxy';
import type { Network } from './rig.js';

type Toxic = { remove(): Promise<unknown> };

/** What a proxy of Toxiproxy lies in the way of. */
export function networkThrough({ instance, setEnabled }: CreatedProxy): Network {
  const add = (type: string, stream: 'upstream' | 'downstream', attributes: object): Promise<Toxic> =>
    instance.addToxic({ name: `${type}-${stream}`, type: type as 'latency', stream, toxicity: 1, attributes });
  let enabled = true;
  const enable = async (wanted: boolean) => {
    // Setting it to what it is would cut all connections, too.
    if (wanted !== enabled) await setEnabled((enabled = wanted));
  };
  let hanging: readonly Toxic[] = [];
  let slow: Toxic | undefined;
  return {
    async cut() {
      await enable(false);
    },
    async hang() {
      hanging = [await add('timeout', 'upstream', { timeout: 0 }), await add('timeout', 'downstream', { timeout: 0 })];
    },
    async slow(latencyMs) {
      slow = await add('latency', 'downstream', { latency: latencyMs, jitter: 0 });
    },
    async restore() {
      await slow?.remove();
      slow = undefined;
      // What was held back is lost in the middle of a frame: no connection may survive it.
      if (hanging.length > 0) await enable(false);
      for (const toxic of hanging) await toxic.remove();
      hanging = [];
      await enable(true);
    },
  };
}
