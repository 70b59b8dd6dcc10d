import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Bench, benchOf } from './experiments/run.js';
import { Interrupted, untilInterrupted } from './interrupt.js';
import { System } from './system.js';

describe('a run that comes to no good end', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farandole-bench-spec-'));
    await chmod(folder, 0o755);
    vi.stubEnv('TMPDIR', folder);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs work, which fails; rejects with its error once it has looked for what is left. */
  const run = async (work: (bench: Bench) => Promise<void>) => {
    let letters = '';
    try {
      await untilInterrupted(async (start) => {
        const system = await System.start({ store: 'postgres' }, start);
        letters = readlinkSync(join(folder, readdirSync(folder)[0]!, 'mail'));
        await work(await benchOf(system, start));
      });
    } finally {
      expect(readdirSync(folder)).toEqual([]);
      expect(existsSync(letters)).toBe(false);
    }
  };

  it('tells why, and leaves nothing behind', async () => {
    const broken = run(async ({ client }) => {
      await client.run();
      throw new Error('it broke');
    });
    await expect(broken).rejects.toThrow('it broke');
  });

  // The last one: an interruption holds for the whole process.
  it('leaves nothing behind when it is interrupted with an order under way', async () => {
    const interrupted = run(async ({ client }) => {
      const order = client.run();
      process.emit('SIGINT');
      await order;
    });
    await expect(interrupted).rejects.toThrow(Interrupted);
  });
});
