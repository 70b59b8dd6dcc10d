import { Command, InvalidArgumentError, Option } from 'commander';
import { address, wholeNumber } from '../arguments.js';

export interface Options {
  /** Of each of these lists, every order takes one by chance. */
  readonly token: readonly string[];
  readonly country: readonly string[];
  readonly sku: readonly string[];
  readonly quantity: number;
  readonly count: number;
  readonly concurrency: number;
  readonly url: string;
  /** Seconds */
  readonly timeout: number;
}

const positive = wholeNumber(1_000_000);

/** Reads the command line; a mistake ends the process with one line that names it, and exit code 1. */
export function readOptions(argv: readonly string[]): Options {
  return new Command('npm run order --')
    .description('Places an order and tells its story until it is settled; with --count, many, and sums them up.')
    .addOption(
      listOption('--token <tokens>', 'tok_visa, tok_declined, tok_insufficient_funds, tok_flaky, tok_slow', 'tok_visa'),
    )
    .addOption(listOption('--country <codes>', 'where to; nobody delivers to AQ', 'GB'))
    .addOption(listOption('--sku <skus>', 'what; last-one is there once, sold-out never', 'mug-blue'))
    .option('--quantity <n>', 'how many of it', positive, 1)
    .option('--count <n>', 'how many orders', positive, 1)
    .option('--concurrency <n>', 'how many orders are under way at a time', positive, 20)
    .option('--url <url>', 'the order service', plainAddress, 'http://127.0.0.1:3001')
    .option('--timeout <seconds>', 'how long to wait for one order to settle', positive, 60)
    .addHelpText(
      'after',
      '\nWith --count, tokens, countries and skus may be lists with commas: each order takes one of each by chance.',
    )
    .showSuggestionAfterError(false)
    .parse([...argv])
    .opts<Options>();
}

function listOption(flags: string, description: string, usually: string): Option {
  return new Option(flags, description).argParser(list).default([usually], usually);
}

function list(value: string): string[] {
  const items = value.split(',').map((item) => item.trim());
  if (items.some((item) => item === '')) throw new InvalidArgumentError('Write one, or several with commas between.');
  return items;
}

function plainAddress(value: string): string {
  const url = address(value);
  if (url.startsWith('https:')) throw new InvalidArgumentError('Orders are placed over http: alone.');
  return url;
}
