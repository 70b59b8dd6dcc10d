import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'farandole-fail-points-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Passes the point after-claim ten times in a process of its own, and says how far it came. */
function pass(enable: string): Promise<{ signal: string | null; said: string }> {
  const program = `
    import { enableFailPoints, failPoint } from ${JSON.stringify(new URL('fail-points.ts', import.meta.url).href)};
    ${enable};
    for (let n = 0; n < 10; n++) failPoint('after-claim');
    process.stdout.write('passed');`;
  return new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '--eval', program], (error, said) =>
      resolve({ signal: error?.signal ?? null, said }),
    );
  });
}

it('kills one of the processes that pass an armed point, once', async () => {
  await writeFile(join(folder, 'order.after-claim'), '');
  await writeFile(join(folder, 'order.after-commit'), '');
  const ends = await Promise.all([1, 2, 3].map(() => pass(`enableFailPoints(${JSON.stringify(folder)}, 'order')`)));
  expect(ends.filter(({ signal, said }) => signal === 'SIGKILL' && said === '')).toHaveLength(1);
  expect(ends.filter(({ signal, said }) => signal === null && said === 'passed')).toHaveLength(2);
  expect(await readdir(folder)).toEqual(['order.after-commit']);
});

it('kills nobody where fail points are not enabled', async () => {
  await writeFile(join(folder, 'order.after-claim'), '');
  expect(await pass('')).toEqual({ signal: null, said: 'passed' });
});
