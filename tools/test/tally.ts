import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

/** What run.ts says at the end. */
export interface Counted {
  readonly passed: number;
  /** Files that did not load, hooks and errors outside of any test count as one each. */
  readonly failed: number;
  readonly skipped: number;
  /** Tests by file that `describeWithDocker` or `describeAtLength` skipped. */
  readonly leftOut: Readonly<Record<string, number>>;
}

/** A reporter for Vitest: writes a `Counted` to the file that `TALLY_FILE` names. */
export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const counted = { passed: 0, failed: errors.length, skipped: 0, leftOut: {} as Record<string, number> };
    for (const module of modules) {
      const failedBefore = counted.failed;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        counted[state === 'pending' ? 'skipped' : state] += 1;
        if (state !== 'skipped' || !test.fullName.includes('(left out: ')) continue;
        counted.leftOut[module.relativeModuleId] = (counted.leftOut[module.relativeModuleId] ?? 0) + 1;
      }
      if (!module.ok() && counted.failed === failedBefore) counted.failed += 1;
    }
    writeFileSync(process.env['TALLY_FILE']!, JSON.stringify(counted satisfies Counted));
  }
}
