import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { services, type ServiceName } from '../platform/apps.js';

export interface Options {
  readonly service: ServiceName;
  readonly from: Date;
  readonly dryRun: boolean;
  /** Name of a consumer group to be created. */
  readonly asNew?: string;
  readonly url?: string;
}

/** Reads the command line; a mistake ends the process with one line that names it, and exit code 1. */
export function readOptions(argv: readonly string[]): Options {
  const command = new Command('npm run replay --')
    .description('Hands what the store still has to one service again. What its inbox knows has no effect.')
    .requiredOption('--service <name>', services.join(', '), serviceName)
    .requiredOption('--from <time>', 'what was stored from then on: 2026-01-01, or 2026-01-01T00:00Z', time)
    .option('--dry-run', 'only say how many messages of which types would be handed over', false)
    .option('--as-new <group>', 'feed a new consumer group of that name instead, whose inbox knows nothing', group)
    .option('--url <url>', 'where the service is (default: where npm start runs it)', address)
    .addHelpText('after', '\nThe service is asked with the token in the variable OPS_TOKEN, as it was started with.')
    .showSuggestionAfterError(false)
    .parse([...argv]);
  const options = command.opts<Options>();
  if (options.asNew !== undefined && options.dryRun) {
    command.error("error: option '--as-new <group>' cannot be used with option '--dry-run'");
  }
  return options;
}

export function serviceName(value: string): ServiceName {
  const found = services.find((name) => name === value);
  if (found) return found;
  throw new InvalidArgumentError(`There is no service "${value}"; there are ${services.join(', ')}.`);
}

export function time(value: string): Date {
  const whole = value.replace(/(T\d\d:\d\d)(?=Z|[+-])/, '$1:00');
  if (!z.iso.datetime({ offset: true }).or(z.iso.date()).safeParse(whole).success) {
    throw new InvalidArgumentError('It is a time with its zone, like 2026-01-01T00:00Z, or a day (UTC).');
  }
  const at = new Date(whole);
  if (at.getTime() > Date.now()) throw new InvalidArgumentError('It lies in the future.');
  return at;
}

function group(value: string): string {
  if (/^[a-z][a-z0-9-]{0,62}$/.test(value)) return value;
  throw new InvalidArgumentError('It is made of lower case letters, digits and hyphens, and begins with a letter.');
}

export function address(value: string): string {
  if (!URL.canParse(value) || !/^https?:\/\//.test(value)) {
    throw new InvalidArgumentError('It looks like http://127.0.0.1:3001.');
  }
  return value.replace(/\/+$/, '');
}
