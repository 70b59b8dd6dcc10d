import { unlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Moments between two steps at which the end of the process must neither lose anything nor have it done twice. */
export const FAIL_POINTS = [
  /** The ids of a batch are claimed, and nothing came of it yet. */
  'after-claim',
  /** All that follows from a batch is written. */
  'before-commit',
  /** It is committed; the store has not been told that the batch is settled. */
  'after-commit',
  /** The store confirmed what the outbox still holds. */
  'after-publish',
  /** A command's handler had its answer from outside, and nothing of it is recorded. */
  'after-call',
] as const;
export type FailPoint = (typeof FAIL_POINTS)[number];

let fileOf: ((point: FailPoint) => string) | undefined;

/** From here on this process dies at a point for which there is a file `<folder>/<service>.<point>`. For tests. */
export function enableFailPoints(folder: string, service: string): void {
  fileOf = (point) => join(folder, `${service}.${point}`);
}

/** Kills this process as `kill -9` does, if the point is armed. Its file is removed before: of several processes one dies, and once. */
export function failPoint(point: FailPoint): void {
  if (fileOf === undefined) return;
  try {
    unlinkSync(fileOf(point));
  } catch {
    return;
  }
  process.kill(process.pid, 'SIGKILL');
}
