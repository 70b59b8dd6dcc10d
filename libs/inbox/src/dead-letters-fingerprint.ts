import { createHash } from 'node:crypto';
import type { KeptError } from './dead-letters-error.js';

/** Frames of our own code that tell failures of one place from those of another. */
const FRAMES = 3;

interface Failure {
  readonly reason: string;
  readonly type: string;
  readonly error: KeptError;
}

/** The same for failures of one kind: ids, numbers, addresses and line numbers do not count, what was thrown where does. */
export function fingerprintOf({ reason, type, error }: Failure): string {
  const parts = [reason, type, normalised(error.message), ...ownFrames(error.stack)];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12);
}

/** A message without what differs from one message to the next: mail addresses, and every word with a digit in it. */
function normalised(message: string): string {
  return message
    .replaceAll(/[\w.+-]+@[\w-]+(\.[\w-]+)+/g, '#')
    .replaceAll(/[\w-]*\d[\w-]*/g, '#')
    .replaceAll(/\s+/g, ' ');
}

/** Function and file, without lines: these move with each release. The same for sources and for what is built of them. */
function ownFrames(stack = ''): string[] {
  return stack
    .split('\n')
    .filter((line) => !/node_modules|\bnode:|<anonymous>|caused by/.test(line))
    .map((line) => /at (?:async )?(?:(.+?) \()?(?:file:\/\/)?(.+?)\.[cm]?[jt]s(?::\d+)*\)?$/.exec(line.trim()))
    .flatMap((found) => (found ? [`${found[1] ?? ''} ${found[2]!.split('/').slice(-3).join('/')}`] : []))
    .slice(0, FRAMES);
}
