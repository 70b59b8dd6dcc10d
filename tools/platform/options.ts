import { Command, InvalidArgumentError, Option } from 'commander';
import { type AppName, apps, defaultPorts, isApp } from './apps.js';

export interface Options {
  readonly data: string;
  readonly reset: boolean;
  readonly except: readonly AppName[];
  readonly replicas: ReadonlyMap<AppName, number>;
  readonly port: number;
  readonly postgresPort: number;
}

/** Reads the command line; a mistake ends the process with one line that names it, and exit code 1. */
export function readOptions(argv: readonly string[]): Options {
  const command = new Command('npm start --')
    .description('Starts PostgreSQL, the five services and the payment provider on this machine.')
    .option('--reset', 'begin afresh: removes databases, mails, logs and the ledger of the provider', false)
    .option('--data <dir>', 'where all data lies', '.farandole')
    .addOption(
      new Option('--except <apps>', `leave these out (with commas), to run them yourself: ${apps.join(', ')}`)
        .argParser(appList)
        .default([], 'none'),
    )
    .addOption(
      new Option('--replicas <app=n>', 'several processes of a service; may be given again')
        .argParser(replicas)
        .default(new Map(), 'one each'),
    )
    .option('--port <n>', 'port of the order service; the others follow', portNumber, defaultPorts.first)
    .option('--postgres-port <n>', 'port of PostgreSQL', portNumber, defaultPorts.postgres)
    .showSuggestionAfterError(false);
  return command.parse([...argv]).opts<Options>();
}

function appList(value: string): AppName[] {
  return value.split(',').map((name) => appName(name.trim()));
}

function appName(name: string): AppName {
  if (isApp(name)) return name;
  throw new InvalidArgumentError(`There is no "${name}"; there are ${apps.join(', ')}.`);
}

function replicas(value: string, previous: ReadonlyMap<AppName, number>): ReadonlyMap<AppName, number> {
  const [name = '', count = ''] = value.split('=');
  if (!/^[1-9]\d?$/.test(count)) throw new InvalidArgumentError('Write it like inventory=2.');
  return new Map([...previous, [appName(name), Number(count)]]);
}

function portNumber(value: string): number {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65_000)
    throw new InvalidArgumentError('A port is a number up to 65000.');
  return port;
}
