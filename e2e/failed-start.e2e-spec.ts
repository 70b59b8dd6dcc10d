import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Interrupted } from '../tools/platform/index.js';
import { PATIENCE_MS } from './patience.js';
import { embeddedPostgres } from './stores.js';
import { World } from './world.js';

describe('a world that cannot be started', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farandole-spec-'));
    await chmod(folder, 0o755);
    vi.stubEnv('TMPDIR', folder);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  });

  it('keeps its data and logs, and tells where they are', async () => {
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const start = World.start(await embeddedPostgres(), { apps: { order: { env: { DATABASE_POOL: 'none' } } } });
    await expect(start).rejects.toThrow('DATABASE_POOL');
    const [kept] = await readdir(folder);
    expect(told).toHaveBeenCalledWith(`the data and logs of the failed run are in ${join(folder, kept!)}\n`);
    expect(await readdir(join(folder, kept!, 'logs'))).toEqual(['order.log']);
  });

  it('leaves nothing when it was interrupted with services on their way', async () => {
    const interruption = new AbortController();
    const start = World.start(await embeddedPostgres(), { apps: { order: {} }, signal: interruption.signal });
    start.catch(() => undefined);
    const logs = async () => readdir(join(folder, (await readdir(folder))[0]!, 'logs'));
    await expect.poll(logs, { timeout: PATIENCE_MS }).toEqual(['order.log']);
    interruption.abort();
    await expect(start).rejects.toThrow(Interrupted);
    expect(await readdir(folder)).toEqual([]);
  });
});
