import { Command, InvalidArgumentError, Option } from 'commander';
import { userInfo } from 'node:os';
import { address, serviceName, time, wholeNumber } from '../arguments.js';
import { services, type ServiceName } from '../platform/apps.js';
import type { Filter } from './letters.js';

/** Of every command. */
export interface Common {
  readonly service: ServiceName;
  readonly url?: string;
  readonly by: string;
}

export interface ReplayOptions extends Common, Filter {
  readonly all: boolean;
  readonly rate: number;
  readonly canary: boolean;
  readonly resume?: string;
  readonly body?: string;
  readonly yes: boolean;
}

/** What the command line does; each runs with the parsed options. */
export interface Actions {
  list(options: Common & Filter & { readonly state: string; readonly limit: number }): Promise<void>;
  groups(options: Common & Filter): Promise<void>;
  show(id: string, options: Common): Promise<void>;
  replay(id: string | undefined, options: ReplayOptions): Promise<void>;
  stop(replayId: string, options: Common): Promise<void>;
  discard(ids: readonly string[], options: Common & { readonly reason: string }): Promise<void>;
}

/** The command line; a mistake ends the process with one line that names it, and exit code 1. */
export function commandLine(actions: Actions): Command {
  const program = new Command('npm run dlq --')
    .description('Shows what a service could not handle, and replays or discards it.')
    .addHelpText('after', '\nThe service is asked with the token in the variable OPS_TOKEN, as it was started with.')
    .showSuggestionAfterError(false);
  const command = (line: string, description: string) =>
    program
      .command(line)
      .description(description)
      .showSuggestionAfterError(false)
      .requiredOption('--service <name>', services.join(', '), serviceName)
      .option('--url <url>', 'where the service is (default: where npm start runs it)', address)
      .option('--by <name>', 'who does it, for the audit', userInfo().username);

  filtered(command('list', 'dead letters, the newest first'))
    .addOption(
      new Option('--state <state>', 'which of them')
        .choices(['open', 'replaying', 'replayed', 'discarded', 'all'])
        .default('open'),
    )
    .option('--limit <n>', 'how many at most', wholeNumber(1_000_000), 50)
    .action((options) => actions.list(options));
  filtered(command('groups', 'open ones by what went wrong')).action((options) => actions.groups(options));
  command('show <id>', 'one with headers, body and errors').action((id, options) => actions.show(number(id), options));
  filtered(command('replay [id]', 'hands one, or all that match, to the service again'))
    .option('--all', 'all open ones', false)
    .option('--rate <n>', 'letters per second', rate, 10)
    .option('--no-canary', 'do not wait for the first to succeed')
    .option('--resume <replay>', 'follow a replay that is running', number)
    .option('--body <file>', 'replace the body by the JSON in a file, after a look at the differences')
    .option('--yes', 'do not ask', false)
    .action((id: string | undefined, options: ReplayOptions, self: Command) => {
      const chosen = [id, options.resume].filter((one) => one !== undefined).length;
      const isFiltered = options.all || filterNames.some((name) => options[name] !== undefined);
      if (chosen + Number(isFiltered) !== 1) {
        self.error('error: say which: an id, a filter (--type, --key, --group, --from, --to), --all, or --resume');
      }
      if (options.body !== undefined && id === undefined) self.error("error: option '--body <file>' needs an id");
      return actions.replay(id === undefined ? undefined : number(id), options);
    });
  command('stop <replay>', 'ends a replay; what was not handed over is open again').action((id, options) =>
    actions.stop(number(id), options),
  );
  command('discard <ids...>', 'closes dead letters for good')
    .requiredOption('--reason <text>', 'why, for the audit')
    .action((ids: string[], options) => actions.discard(ids.map(number), options));
  return program;
}

const filterNames = ['type', 'key', 'group', 'from', 'to'] as const;

export function filterOf(options: Filter): Filter {
  return Object.fromEntries(
    filterNames.map((name) => [name, options[name]]).filter(([, value]) => value !== undefined),
  );
}

function filtered(command: Command): Command {
  return command
    .option('--type <type>', 'of this type, order.placed for example')
    .option('--key <key>', 'of this key, the order’s id')
    .option('--group <group>', 'with this fingerprint of the error, as groups shows it')
    .option('--from <time>', 'set aside from then on: 2026-01-01, or 2026-01-01T00:00Z', time)
    .option('--to <time>', 'set aside before', time);
}

function number(value: string): string {
  if (/^[1-9]\d{0,17}$/.test(value)) return value;
  throw new InvalidArgumentError(`"${value}" is not the number of a dead letter or of a replay.`);
}

function rate(value: string): number {
  const perSecond = Number(value);
  if (!(perSecond > 0 && perSecond <= 1_000)) throw new InvalidArgumentError('It is a number above 0, up to 1000.');
  return perSecond;
}
