import colors from 'picocolors';
import type { Order } from './gather.js';
import type { Told } from './tree.js';

const WIDTH = 46;

/** The story as lines for a terminal. */
export function lines(order: Order, roots: readonly Told[]): string[] {
  const end = order.reason ? `${order.status}: ${order.reason}` : order.status;
  const settled = order.settled ? 'settled' : 'not settled yet';
  const trace = order.links.trace ?? order.traceId;
  return [
    `${colors.bold('order')} ${order.orderId}  ${(order.reason ? colors.yellow : colors.green)(end)}, ${settled}`,
    ...(trace ? [colors.dim(`trace ${trace}`)] : []),
    '',
    ...roots.flatMap((root) => [line(root, ''), ...below(root, '')]),
  ];
}

function below({ followedBy }: Told, indent: string): string[] {
  return followedBy.flatMap((one, index) => {
    const last = index === followedBy.length - 1;
    return [line(one, `${indent}${last ? '└─ ' : '├─ '}`), ...below(one, `${indent}${last ? '   ' : '│  '}`)];
  });
}

function line(told: Told, branch: string): string {
  const mark = `${told.compensates ? '↩ ' : ''}${told.kind === 'command' ? '▸ ' : ''}`;
  const gap = ' '.repeat(Math.max(2, WIDTH - branch.length - mark.length - told.type.length));
  const paint = told.compensates ? colors.yellow : told.kind === 'command' ? colors.magenta : colors.cyan;
  const detail = told.detail ? `  ${told.detail}` : '';
  return `${colors.dim(branch)}${paint(mark + told.type)}${gap}${told.service.padEnd(12)}  ${handled(told)}${colors.dim(detail)}`.trimEnd();
}

/** Of a command: its retries, or that it waits. Of an event: who reacted to it, and what was out of the ordinary. */
function handled({ kind, handledBy }: Told): string {
  const said = handledBy.map(({ service, attempts, duplicates, waiting, deadLetter }) => {
    const unusual = [
      ...(deadLetter ? [`dead letter ${deadLetter.id}: ${deadLetter.reason}`] : waiting ? ['waits'] : []),
      ...(attempts > 1 || (waiting && attempts > 0) ? [`${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`] : []),
      ...(duplicates > 0 ? [`came ${duplicates + 1} times`] : []),
    ].join(', ');
    if (kind === 'command') return unusual && colors.red(unusual);
    return unusual ? `${service} ${colors.red(`(${unusual})`)}` : service;
  });
  return kind === 'event' && said.length > 0 ? `→ ${said.join(', ')}` : said.join('');
}
