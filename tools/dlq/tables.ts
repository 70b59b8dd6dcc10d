import colors from 'picocolors';
import type { Change, Group, Letter, WholeLetter } from './letters.js';

/** Letters as a table, an error no longer than its line; `now` tells the ages. */
export function letterTable(letters: readonly Letter[], now: number, width = 120): string {
  if (letters.length === 0) return 'There is no such dead letter.';
  const rows = letters.map((one) => [
    one.id,
    one.type ?? '?',
    one.key ?? '',
    one.reason,
    String(one.attempts),
    ageOf(one.firstAt, now),
    one.state,
    oneLine(one.error),
  ]);
  return table(['id', 'type', 'key', 'reason', 'attempts', 'age', 'state', 'error'], rows, width);
}

/** What went wrong, most often first. */
export function groupTable(groups: readonly Group[], now: number, width = 120): string {
  if (groups.length === 0) return 'There is no open dead letter.';
  const rows = groups.map((one) => [
    one.group,
    String(one.count),
    one.type ?? '?',
    one.reason,
    ageOf(one.firstAt, now),
    ageOf(one.lastAt, now),
    one.sampleId,
    oneLine(one.error),
  ]);
  return table(['group', 'letters', 'type', 'reason', 'oldest', 'newest', 'sample', 'error'], rows, width);
}

/** All that is known of a letter. */
export function whole(letter: WholeLetter): string {
  const { body, firstError, lastError } = letter;
  const shown = 'json' in body ? JSON.stringify(body.json, null, 2) : 'text' in body ? body.text : body.base64;
  const sameError = firstError.message === lastError.message;
  return [
    `${colors.bold(`dead letter ${letter.id}`)}  ${letter.state}, ${letter.reason} after ${letter.attempts} ${letter.attempts === 1 ? 'attempt' : 'attempts'}` +
      (letter.timesSeen > 1 ? `, seen ${letter.timesSeen} times` : ''),
    `${letter.type ?? '?'}  key ${letter.key ?? '?'}  group ${letter.group}`,
    `first ${letter.firstAt}  last ${letter.lastAt}${letter.origin ? `  from ${letter.origin}` : ''}`,
    '',
    heading('headers'),
    ...Object.entries(letter.headers).map(([name, value]) => `  ${colors.dim(`${name}:`)} ${value}`),
    '',
    heading(
      `body${'json' in body ? '' : 'text' in body ? ', no JSON' : ', base64'}${letter.originalBody ? ', edited' : ''}`,
    ),
    indent(shown),
    ...(sameError ? [] : ['', heading('first error'), ...errorLines(firstError)]),
    '',
    heading('last error'),
    ...errorLines(lastError),
    ...(letter.audit.length > 0 ? ['', heading('what was done')] : []),
    ...letter.audit.flatMap(({ at, by, action, reason, replayId, diff }) => [
      `  ${at}  ${by}  ${action}${replayId ? ` ${replayId}` : ''}${reason ? `: ${reason}` : ''}`,
      ...(diff ? [indent(indent(diffLines(diff)))] : []),
    ]),
  ].join('\n');
}

/** Where an edited body differs. */
export function diffLines(diff: readonly Change[]): string {
  return diff
    .flatMap(({ path, before, after }) => [
      path || '(all of it)',
      ...(before === undefined ? [] : [colors.red(`- ${JSON.stringify(before)}`)]),
      ...(after === undefined ? [] : [colors.green(`+ ${JSON.stringify(after)}`)]),
    ])
    .join('\n');
}

function errorLines({ message, stack = [] }: WholeLetter['lastError']): string[] {
  return [indent(colors.red(message)), ...stack.map((line) => colors.dim(`    ${line}`))];
}

function heading(text: string): string {
  return colors.bold(text);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}

function table(titles: readonly string[], rows: readonly (readonly string[])[], width: number): string {
  const last = titles.length - 1;
  const widths = titles.map((title, n) => Math.max(title.length, ...rows.map((row) => row[n]?.length ?? 0)));
  const room = Math.max(20, width - widths.slice(0, last).reduce((sum, one) => sum + one + 2, 0));
  const line = (row: readonly string[]) =>
    row
      .map((cell, n) =>
        n === last
          ? clipped(cell, room)
          : /^\d+$/.test(cell) && n > 0
            ? cell.padStart(widths[n]!)
            : cell.padEnd(widths[n]!),
      )
      .join('  ')
      .trimEnd();
  return [colors.dim(line(titles)), ...rows.map(line)].join('\n');
}

function clipped(text: string, room: number): string {
  return text.length > room ? `${text.slice(0, room - 1)}…` : text;
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}

function ageOf(time: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(time)) / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}
