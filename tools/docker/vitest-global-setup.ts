import { getContainerRuntimeClient, getReaper } from 'testcontainers';
import { dockerAvailable } from './engine.js';

/**
 * Holds the reaper for the whole run. It removes all containers of a run ten seconds after its last connection closed, and
 * spec files that follow each other would otherwise start theirs just while it does.
 */
export async function setup(): Promise<void> {
  if (await dockerAvailable()) await getReaper(await getContainerRuntimeClient());
}
