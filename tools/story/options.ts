import { Command, InvalidArgumentError } from 'commander';
import { address, serviceName } from '../arguments.js';
import { portOffset, type ServiceName, services } from '../platform/apps.js';

export type Addresses = Readonly<Record<ServiceName, string>>;

export interface Options {
  readonly orderId: string;
  readonly addresses: Addresses;
}

/** Reads the command line; a mistake ends the process with one line that names it, and exit code 1. */
export function readOptions(argv: readonly string[]): Options {
  const command = new Command('npm run story --')
    .description(
      'Tells what happened to an order: each message below the one it follows from, as the services remember it.',
    )
    .argument('<orderId>', 'as npm run order or POST /orders told it', uuid)
    .option(
      '--url <url>',
      'the order service; the others are at the ports that follow',
      address,
      'http://127.0.0.1:3001',
    )
    .option('--at <service=url>', 'where a service is that is not there; may be given again', elsewhere, {})
    .showSuggestionAfterError(false)
    .parse([...argv]);
  const { url, at } = command.opts<{ url: string; at: Partial<Addresses> }>();
  return { orderId: command.processedArgs[0] as string, addresses: addressesFrom(url, at) };
}

/** The services' addresses, counted from the port of the order service, but for those that are elsewhere. */
export function addressesFrom(orderUrl: string, others: Partial<Addresses> = {}): Addresses {
  const { protocol, hostname, port } = new URL(orderUrl);
  const first = Number(port || 80);
  const counted = services.map((name) => [name, `${protocol}//${hostname}:${first + portOffset[name]}`]);
  return { ...(Object.fromEntries(counted) as Record<ServiceName, string>), ...others, order: orderUrl };
}

function uuid(value: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return value.toLowerCase();
  throw new InvalidArgumentError('The id of an order is a UUID, like 019ac3f2-7b1e-7c55-9d3a-2f60c4b1a7e8.');
}

function elsewhere(value: string, previous: Partial<Addresses>): Partial<Addresses> {
  const [name = '', url = ''] = value.split(/=(.*)/s);
  return { ...previous, [serviceName(name)]: address(url) };
}
