import { afterAll, type RunnerTask } from 'vitest';

/** Calls `stop` once the suite is over, with whether any of it failed, its start included. */
export function afterTests(stop: (failed: boolean) => unknown): void {
  // oxlint-disable-next-line no-empty-pattern -- Vitest insists on a pattern
  afterAll(({}, suite) => stop(hasFailed(suite)));
}

/** Whether the test failed so far, or anything of the suite. */
export function hasFailed(task: RunnerTask): boolean {
  return task.result?.state === 'fail' || (task.type === 'suite' && task.tasks.some(hasFailed));
}
