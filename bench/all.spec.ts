import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { all } from './all.js';
import { Interrupted } from './interrupt.js';

// The only one: an interruption holds for the whole process.
it.skipIf(process.platform === 'win32')(
  'hands a signal that it alone gets on to the experiment, which tells of it',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'farandole-bench-spec-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'told');
    const experiment = join(folder, 'experiment.mjs');
    await writeFile(
      experiment,
      `import { appendFileSync } from 'node:fs';
     const tell = (what) => appendFileSync(${JSON.stringify(file)}, what);
     process.on('SIGTERM', () => { tell(', stopped'); process.exit(1); });
     setTimeout(() => tell(', ended'), 10_000);
     tell(process.argv[2]);`,
    );
    vi.spyOn(process, 'argv', 'get').mockReturnValue([process.execPath, experiment]);
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    onTestFinished(() => void vi.restoreAllMocks());
    const running = all({ from: 17, quick: false });
    await expect.poll(() => existsSync(file)).toBe(true);
    process.emit('SIGHUP');
    await expect(running).rejects.toThrow(Interrupted);
    expect(readFileSync(file, 'utf8')).toBe('growth, stopped');
    expect(told.mock.calls.map(([line]) => line)).toEqual([
      '\n[17 of 17] growth --seconds 4 --repetitions 3 (about 8 min)\n',
    ]);
  },
);
