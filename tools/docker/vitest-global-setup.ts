import { getContainerRuntimeClient, getReaper } from 'testcontainers';
import { shareWithContainers } from './cpu-group.js';
import { dockerAvailable } from './engine.js';

/**
 * Holds the reaper for the whole run, and leaves containers their share of the CPU. The reaper removes all containers of a run ten seconds after its last connection closed, and
 * spec files that follow each other would otherwise start theirs just while it does.
 */
export async function setup(): Promise<void> {
  if (!(await dockerAvailable())) return;
  shareWithContainers();
  await getReaper(await getContainerRuntimeClient());
}
