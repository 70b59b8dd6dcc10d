/*
 * npm test [-- <vitest arguments>]
 * Builds, runs the tests, and ends with the one line that machines read: `N passed, N failed`. Node runs this file as it stands.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Counted } from './tally.js';

const folder = await mkdtemp(join(tmpdir(), 'farandole-test-'));
process.env['TALLY_FILE'] = join(folder, 'tally.json');

const reporters = ['--reporter=default', '--reporter=./tools/test/tally.ts'];
const code =
  (await run('tsc', '-p', 'tsconfig.build.json')) ||
  (await run('vitest', 'run', ...reporters, ...process.argv.slice(2)));
const counted = await readFile(process.env['TALLY_FILE'], 'utf8').then(
  (json) => JSON.parse(json) as Counted,
  (): Counted => ({ passed: 0, failed: 0, skipped: 0, leftOut: {} }),
);
await rm(folder, { recursive: true });

const leftOut = Object.entries(counted.leftOut).map(([file, tests]) => `  ${file} (${tests})`);
if (leftOut.length > 0) {
  console.log(`Left out, since they need Docker and none is running, or take long:\n${leftOut.join('\n')}`);
  console.log(
    'With Docker, `npm test` runs all of them; without, `AT_LENGTH=true npm test` runs those that only take long.\n',
  );
}

// Whatever ends the run early, such as a global setup or the compiler, fails it as well.
const failed = Math.max(counted.failed, code === 0 ? 0 : 1);
console.log(`${counted.passed} passed, ${failed} failed${counted.skipped > 0 ? `, ${counted.skipped} skipped` : ''}`);
process.exit(failed > 0 ? 1 : 0);

/** Resolves with the exit code; a signal counts as 1. Ctrl-C reaches the program by itself, and we wait for its end. */
function run(program: string, ...args: string[]): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', shell: process.platform === 'win32' });
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (status) => resolve(status ?? 1));
  });
}
