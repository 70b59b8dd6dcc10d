import { answers } from '../../../tools/postgres/connect.js';
import { comesTrue } from '../../../tools/processes/index.js';
import type { Arena } from '../arena.js';
import type { Fault } from '../scenario.js';
import { PATIENCE_MS } from '../../patience.js';
import type { Undo } from './undo.js';

/** kill -9 of the broker, or of PostgreSQL with all its processes, which the platform starts again by itself. */
export async function killStore(
  { store: name }: Extract<Fault, { kind: 'kill-store' }>,
  { world, store }: Arena,
): Promise<Undo> {
  if (name === 'broker') {
    await store.kill?.();
    return async () => store.restart?.();
  }
  const { postgres } = world.platform;
  await postgres.kill();
  return async () => {
    if (!(await comesTrue(() => answers(postgres.port), PATIENCE_MS, 100)))
      throw new Error('PostgreSQL does not come back');
  };
}
