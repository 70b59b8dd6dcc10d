import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { services } from '../tools/platform/apps.js';
import { stockOf, violations } from './invariants.js';
import { restartAll } from './rolling-restart.js';
import { embeddedPostgres } from './stores.js';
import { World } from './world.js';

describe('a rolling restart of all services on postgres', () => {
  let world: World;

  beforeAll(async () => {
    const replicas = new Map(services.map((service) => [service, 2]));
    world = await World.start(await embeddedPostgres(), { replicas });
  });
  afterAll(() => world?.stop());

  it('breaks no request, and nothing is tried again for it', async () => {
    const before = await stockOf(world);
    const { accepted, broken, complaints } = await restartAll(world);
    expect({ broken, complaints }).toEqual({ broken: [], complaints: [] });
    expect(accepted.length).toBeGreaterThan(100);
    expect(await violations(world, before)).toEqual([]);
  });
});
