/* npm run chaos [-- --help] */
import colors from 'picocolors';
import { dockerAvailable } from '../../tools/docker/engine.js';
import { Interrupted } from '../../tools/platform/index.js';
import { interruption, STOPPING } from '../../tools/platform/interruption.js';
import { embeddedPostgres, kafka, rabbitmq } from '../stores.js';
import { Arena } from './arena.js';
import { readOptions } from './options.js';
import { runRounds } from './run-rounds.js';

const options = readOptions(process.argv);
const { transport, seed } = options;
const print = (line: string) => void process.stdout.write(`${line}\n`);
const complain = (line: string) => void process.stderr.write(`${colors.red(line)}\n`);
const stores = { postgres: embeddedPostgres, rabbitmq, kafka };
const interrupted = interruption();
interrupted.addEventListener('abort', () => process.stderr.write(STOPPING));

process.exitCode = await run().catch((error: unknown) => {
  if (error instanceof Interrupted) return 130;
  complain(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
});

async function run(): Promise<number> {
  if (transport !== 'postgres' && !(await dockerAvailable())) {
    complain(`${transport} runs in Docker, which is not available: start it, or take --transport postgres`);
    return 1;
  }
  print(`seed ${seed} on ${transport}`);
  const arena = await Arena.start(stores[transport], { signal: interrupted });
  let failed = true;
  try {
    failed = await Promise.race([runRounds(arena, options, print), untilInterrupted()]);
    return failed ? 1 : 0;
  } finally {
    await arena.stop(failed && !interrupted.aborted);
    // What an interrupted round was about to do has no more to do it to.
    if (interrupted.aborted) process.exit(130);
  }
}

function untilInterrupted(): Promise<never> {
  return new Promise((_, reject) => {
    if (interrupted.aborted) reject(new Interrupted());
    interrupted.addEventListener('abort', () => reject(new Interrupted()), { once: true });
  });
}
