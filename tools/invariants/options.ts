import { statSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { address, time } from '../arguments.js';

export interface Options {
  /** With {service} in the place of its name. */
  readonly databaseUrl: string;
  readonly providerUrl: string;
  readonly mailDir?: string;
  readonly mailpit?: string;
  readonly from: Date;
  readonly withinMs: number;
}

/** Less than the days that an inbox remembers by default. */
const DAYS = 6;
const DAY_MS = 86_400_000;

/** Reads the command line; a mistake ends the process with one line that names it, and exit code 1. */
export function readOptions(argv: readonly string[]): Options {
  const command = new Command('npm run check-invariants --')
    .description(
      'Checks what must hold of a running system: nothing lost, nothing done twice, order kept. Waits until it is at rest.',
    )
    .option(
      '--database-url <url>',
      'of each service, {service} in the place of its name',
      database,
      'postgres://postgres@127.0.0.1:54329/{service}',
    )
    .option('--provider-url <url>', 'where the payment provider is', address, 'http://127.0.0.1:3010')
    .option(
      '--mail-dir <folder>',
      'where letters were written to for want of a mail server (npm start: .farandole/mail)',
      folder,
    )
    .option('--mailpit <url>', 'the mail server that took them', address)
    .option('--from <time>', 'messages stored before then do not count', time, new Date(Date.now() - DAYS * DAY_MS))
    .option('--within <seconds>', 'how long to wait for rest', seconds, 60)
    .addHelpText(
      'after',
      '\nThe store is named by the variables that the services have: TRANSPORT, RABBITMQ_URL and so on. Exit code 1 where something does not hold.',
    )
    .showSuggestionAfterError(false)
    .parse([...argv]);
  const { within, ...options } = command.opts<Omit<Options, 'withinMs'> & { within: number }>();
  return { ...options, withinMs: within * 1_000 };
}

function database(value: string): string {
  if (/^postgres(ql)?:\/\//.test(value) && value.includes('{service}')) return value;
  throw new InvalidArgumentError('It looks like postgres://user@host:5432/{service}.');
}

function folder(value: string): string {
  if (statSync(value, { throwIfNoEntry: false })?.isDirectory()) return value;
  throw new InvalidArgumentError('There is no such folder.');
}

function seconds(value: string): number {
  const count = Number(value);
  if (value.trim() !== '' && Number.isFinite(count) && count >= 0) return count;
  throw new InvalidArgumentError('It is a number of seconds.');
}
