import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { exists } from '../processes/index.js';
import { repositoryRoot } from './apps.js';
import { inherited } from './plan.js';

/** Goes on when it is interrupted, which it tells. */
const program = `
  import { interruption } from ${JSON.stringify(join(repositoryRoot, 'dist', 'tools', 'platform', 'interruption.js'))};
  interruption().addEventListener('abort', () => console.error('interrupted'));
  setInterval(() => console.log(process.pid), 20);
`;
const args = ['--input-type=module', '--eval', program];

/** Resolves with what the program has told so far, once it listens. */
async function listening(child: ChildProcessWithoutNullStreams): Promise<() => string> {
  let told = '';
  child.stderr.on('data', (piece: Buffer) => (told += piece.toString()));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const pid = Number.parseInt(line.toString(), 10);
  onTestFinished(() => void (exists(pid) && process.kill(pid, 'SIGKILL')));
  return () => told;
}

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('is told of %s, and ends at a second', async (signal) => {
  const child = spawn(process.execPath, args);
  const told = await listening(child);
  child.kill(signal);
  await expect.poll(told).toBe('interrupted\n');
  expect(child.exitCode).toBeNull();
  await expect.poll(() => child.kill(signal) || child.exitCode).toBe(130);
});

it('takes signals that come together for one', async () => {
  const child = spawn(process.execPath, args);
  const told = await listening(child);
  for (const signal of ['SIGHUP', 'SIGTERM'] as const) child.kill(signal);
  await expect.poll(told).toBe('interrupted\n');
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  expect(await exited).toEqual([null, 'SIGKILL']);
});

it('is told that npm is gone, which hands SIGTERM to a shell that does not hand it on', async () => {
  const npm = spawn('sh', ['-c', '"$@"; true', 'sh', process.execPath, ...args], {
    argv0: 'npm',
    env: { ...inherited(), npm_lifecycle_event: 'bench' },
  });
  const told = await listening(npm);
  npm.kill('SIGTERM');
  await expect.poll(told).toBe('interrupted\n');
});

it('is told that nobody reads on', async () => {
  const child = spawn(process.execPath, args);
  const told = await listening(child);
  child.stdout.destroy();
  await expect.poll(told).toBe('interrupted\n');
});
