import { Command, Option } from 'commander';
import { wholeNumber } from '../../tools/arguments.js';
import type { Store } from '../stores.js';

export interface Options {
  readonly transport: Store['name'];
  readonly seed: number;
  readonly minutes: number;
  /** One round of so many steps, in place of minutes. */
  readonly steps?: number;
}

const LARGEST_SEED = 2 ** 31 - 1;

/** Reads the command line; a mistake ends the process with one line that names it, and exit code 1. */
export function readOptions(argv: readonly string[]): Options {
  return new Command('npm run chaos --')
    .description(
      'Breaks whatever can break while orders are placed, and checks that none is lost and nothing done twice',
    )
    .addOption(
      new Option('--transport <name>', 'what carries the events')
        .choices(['postgres', 'rabbitmq', 'kafka'])
        .default('postgres'),
    )
    .option(
      '--minutes <n>',
      'rounds of 20 steps until then, each with the seed after the last one',
      wholeNumber(1_440),
      5,
    )
    .addOption(
      new Option('--steps <n>', 'one round of so many steps').argParser(wholeNumber(10_000)).conflicts('minutes'),
    )
    .addOption(
      new Option('--seed <n>', 'what happens, and in what order')
        .argParser(wholeNumber(LARGEST_SEED))
        .default(1 + Math.floor(Math.random() * 999_999), 'by chance'),
    )
    .addHelpText(
      'after',
      '\nIt runs what is built, PostgreSQL without Docker. What failed tells the command that repeats it.',
    )
    .showSuggestionAfterError(false)
    .parse([...argv])
    .opts<Options>();
}
