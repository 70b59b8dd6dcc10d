import { InvalidArgumentError } from 'commander';
import colors from 'picocolors';
import { DoesNotCount } from './experiments/run.js';
import { Interrupted } from './interrupt.js';
import { program } from './program.js';

/** Their messages say all. */
const KNOWN = [DoesNotCount, Interrupted, InvalidArgumentError];

try {
  await program.parseAsync(process.argv);
} catch (error) {
  const told = KNOWN.some((known) => error instanceof known)
    ? (error as Error).message
    : String((error as Error).stack);
  process.stderr.write(`${colors.red(told)}\n`);
  // All is stopped, but whoever was ordering would go on asking for half a minute.
  process.exit(1);
}
