import type { Arena } from '../arena.js';
import type { Fault } from '../scenario.js';
import { untilRunning } from './processes.js';
import type { Undo } from './undo.js';

/** The replica that passes the point first dies there; where none comes by in time, none does. */
export async function armFailPoint(
  { service, point }: Extract<Fault, { kind: 'fail-point' }>,
  { world, failPoints, replicas }: Arena,
): Promise<Undo> {
  await failPoints.arm(world, service, point);
  return async () => {
    await failPoints.disarm(service, point);
    for (let replica = 0; replica < replicas; replica++) await untilRunning(world.platform, service, replica);
  };
}
