import type { Arena } from '../arena.js';
import type { Fault } from '../scenario.js';
import type { Undo } from './undo.js';

/** Slow to the broker, confirms are delayed. */
export async function breakLink(
  fault: Extract<Fault, { kind: 'cut' | 'hang' | 'slow' }>,
  { links }: Arena,
): Promise<Undo> {
  const link = links.get(fault.link);
  if (!link) throw new Error(`there is no link ${fault.link}`);
  if (fault.kind === 'slow') await link.slow(fault.latencyMs);
  else await link[fault.kind]();
  return () => link.restore();
}
