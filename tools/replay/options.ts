import { Command, InvalidArgumentError } from 'commander';
import { address, serviceName, time } from '../arguments.js';
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

function group(value: string): string {
  if (/^[a-z][a-z0-9-]{0,62}$/.test(value)) return value;
  throw new InvalidArgumentError('It is made of lower case letters, digits and hyphens, and begins with a letter.');
}
