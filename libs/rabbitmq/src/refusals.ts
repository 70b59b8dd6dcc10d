import { LOG } from './names.js';

/** The broker answers, but waiting will not help: someone has to change something. */
export class RabbitRefused extends Error {
  override readonly name: string = 'RabbitRefused';
}

/** A queue or an exchange exists with other arguments than this service would give it. */
export class TopologyMismatch extends RabbitRefused {
  override readonly name = 'TopologyMismatch';
}

const INEQUIVALENT =
  /inequivalent arg '(?<arg>[^']*)' for (?<kind>queue|exchange) '(?<what>[^']*)' .*?received (?<wanted>.*?) but current is (?<found>[^"]*)/;

/** What to change for each argument that may be found different, beside starting anew. */
const REMEDIES: Readonly<Record<string, string>> = {
  'alternate-exchange': 'set the number of lanes as it was, or ',
  'x-max-age': 'set the retention of this service to that value, or ',
};

/** Says what differs and what to do, where the broker's error is one that waiting will not heal; else returns it as it is. */
export function explained(error: unknown, place: string): Error {
  if (error instanceof RabbitRefused) return error;
  const { message, code } = error as Error & { code?: number | string };
  const differs = INEQUIVALENT.exec(message)?.groups;
  if (differs) {
    const { arg = '', kind = '', what = '', wanted = '', found = '' } = differs;
    const remedy = REMEDIES[arg] ?? '';
    // A stream never runs empty.
    const anew =
      what === LOG
        ? 'delete it, and with it what could be replayed'
        : `stop its services, let ${kind === 'queue' ? 'the queue' : 'its queues'} run empty and delete it`;
    return new TopologyMismatch(
      `the ${kind} ${what} at ${place} exists with other arguments: ${arg} is ${clean(found)} there, this service wants ` +
        `${clean(wanted)}; ${remedy}${anew}: it is then set up anew`,
    );
  }
  if (code === 403 || /ACCESS[-_]REFUSED/.test(message))
    return new RabbitRefused(
      `RabbitMQ at ${place} refuses this user: ${reasonIn(message)}; check user, password and permissions`,
    );
  if (/NOT[-_]ALLOWED.*vhost/.test(message))
    return new RabbitRefused(`RabbitMQ at ${place} lets this user into no such virtual host: ${reasonIn(message)}`);
  return error instanceof Error ? error : new Error(String(error));
}

function clean(value: string): string {
  if (value === 'none') return 'not set';
  return value
    .replace(/^the value /, '')
    .replace(/ of type '.*$/, '')
    .replaceAll("'", '')
    .trim();
}

function reasonIn(message: string): string {
  return /with message "(?<reason>[^"]*)"/.exec(message)?.groups?.['reason'] ?? message;
}
