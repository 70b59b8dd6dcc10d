import colors from 'picocolors';
import { placeMany } from './many.js';
import { readOptions } from './options.js';
import { Refused, Unreachable } from './orders.js';
import { tellStory } from './story.js';
import { summarise } from './summary.js';

const options = readOptions(process.argv);
const print = (line: string) => void process.stdout.write(`${line}\n`);

try {
  if (options.count === 1) {
    if (!(await tellStory(options, print))) process.exitCode = 1;
  } else {
    const { outcomes, tookMs } = await placeMany(options);
    print(summarise(outcomes, tookMs));
    if (outcomes.some(({ durationMs }) => durationMs === undefined)) process.exitCode = 1;
  }
} catch (error) {
  const expected = error instanceof Unreachable || error instanceof Refused;
  process.stderr.write(`${colors.red(expected ? error.message : String((error as Error).stack))}\n`);
  process.exitCode = 1;
}
