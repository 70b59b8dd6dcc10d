import { spawn } from 'node:child_process';
import { say } from './experiments/run.js';
import { goOnUnlessInterrupted, interrupted } from './interrupt.js';

/** One experiment with its options, and how long it takes on a quiet machine with two cores. */
interface Step {
  readonly args: string;
  readonly minutes: number;
}

/** What most depends on comes first: the run can be ended at any time, and what was found is kept. */
const STEPS: readonly Step[] = [
  { args: 'saga --store rabbitmq --concurrency 256 --seconds 3', minutes: 6 },
  { args: 'saga --store postgres --concurrency 256 --seconds 3', minutes: 5 },
  { args: 'idle --store rabbitmq --seconds 5', minutes: 1 },
  { args: 'idle --store postgres --seconds 5', minutes: 1 },
  { args: 'peers --seconds 3', minutes: 7 },
  { args: 'purposes --seconds 3 --repetitions 3', minutes: 4 },
  { args: 'relay --store rabbitmq --seconds 3', minutes: 2 },
  { args: 'http --seconds 2', minutes: 2.5 },
  { args: 'saga --store kafka --concurrency 256 --seconds 3', minutes: 6 },
  { args: 'idle --store kafka --seconds 5', minutes: 1.5 },
  { args: 'saga --store rabbitmq --batch 1 --concurrency 128 --seconds 4', minutes: 8 },
  { args: 'saga --store postgres --batch 1 --seconds 4', minutes: 6 },
  { args: 'relay --store kafka --seconds 3', minutes: 1.5 },
  { args: 'inbox --seconds 2', minutes: 1 },
  { args: 'saga --store kafka --batch 1 --concurrency 128 --seconds 4', minutes: 8 },
  // These two compare the system with itself, and bear a machine that is not quiet.
  { args: 'memory', minutes: 8 },
  { args: 'growth --seconds 4 --repetitions 3', minutes: 8 },
];

/** Runs all of these experiments, each in a process of its own; one that fails is told, and the next begins. Resolves with how many failed. */
export async function all({ from, quick }: { readonly from: number; readonly quick: boolean }): Promise<number> {
  const failed: string[] = [];
  for (const [at, { args, minutes }] of STEPS.entries()) {
    if (at + 1 < from) continue;
    say(`\n[${at + 1} of ${STEPS.length}] ${args} (about ${minutes} min)`);
    const began = performance.now();
    if (!(await run([...args.split(' '), ...(quick ? ['--quick'] : [])]))) failed.push(args);
    goOnUnlessInterrupted();
    say(`[${at + 1} of ${STEPS.length}] took ${((performance.now() - began) / 60_000).toFixed(1)} min`);
  }
  for (const one of failed) say(`failed: ${one}`);
  return failed.length;
}

/** An interruption is handed on to the experiment, which tells of it and ends what it started. */
function run(args: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, [process.argv[1]!, ...args], { stdio: ['inherit', 'ignore', 'inherit'] });
  // Together with a Ctrl-C, which reaches it by itself, it counts as one signal; Windows has none that a process may handle.
  if (process.platform !== 'win32') interrupted.addEventListener('abort', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.once('exit', (code) => resolve(code === 0)));
}
