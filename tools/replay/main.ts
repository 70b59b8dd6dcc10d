import colors from 'picocolors';
import { NotDone } from '../ops.js';
import { feedNewGroup } from './as-new.js';
import { readOptions } from './options.js';
import { post } from './post.js';
import { tell, type Replayed } from './told.js';

const options = readOptions(process.argv);
const { service, from, dryRun, asNew } = options;

try {
  if (asNew !== undefined) process.stdout.write(`${await feedNewGroup(options, asNew)}\n`);
  else {
    const { types } = await post<{ types: readonly Replayed[] }>(options, '/ops/replay', {
      from: from.toISOString(),
      dryRun,
    });
    process.stdout.write(`${tell(service, types, dryRun)}\n`);
  }
} catch (error) {
  process.stderr.write(`${colors.red(error instanceof NotDone ? error.message : String((error as Error).stack))}\n`);
  process.exitCode = 1;
}
