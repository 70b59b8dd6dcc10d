import type { Arena } from '../arena.js';
import type { Fault, Switches } from '../scenario.js';
import { PATIENCE_MS } from '../../patience.js';
import type { Undo } from './undo.js';

export async function breakProvider(
  { switches }: Extract<Fault, { kind: 'provider' }>,
  { world }: Arena,
): Promise<Undo> {
  const url = `${world.platform.url('payment-provider')}/switches`;
  await set(url, switches);
  return () => set(url, {});
}

async function set(url: string, switches: Switches): Promise<void> {
  const body = JSON.stringify(switches);
  const headers = { 'content-type': 'application/json' };
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const response = await fetch(url, { method: 'PUT', headers, body, signal: AbortSignal.timeout(5_000) });
      if (!response.ok) throw new Error(`PUT /switches: ${response.status} ${await response.text()}`);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}
