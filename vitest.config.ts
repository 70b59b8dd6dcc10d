import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const include = (suffix: string) => [`{apps,libs,tools,e2e,bench,docker,k8s}/**/*.${suffix}.ts`];

/** Of whole systems, which are started, broken and waited for. */
const PATIENT = { testTimeout: 600_000, hookTimeout: 300_000 };
/** Compare times under load, and need the machine for themselves. */
const MEASURING = ['e2e/dead-letters.e2e-spec.ts'];
/** Take longest. */
const LONGEST = /e2e\/(postgres|rabbitmq|kafka|chaos)\.e2e-spec\.ts$/;

/** None of the longest is left to run by itself at the end. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- not that of an array
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => LONGEST.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    // Integration tests mostly wait for what they broke.
    maxWorkers: Math.max(4, availableParallelism()),
    // Patience of a busy machine; what is waited for is there at once elsewhere.
    expect: { poll: { timeout: 15_000 } },
    sequence: { groupOrder: 1, sequencer: LongestFirst },
    projects: [
      // Some read the whole repository, beside all others.
      { extends: true, test: { name: 'unit', include: include('spec'), testTimeout: 120_000, hookTimeout: 120_000 } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: include('int-spec'),
          testTimeout: 60_000,
          hookTimeout: 120_000,
          globalSetup: ['tools/docker/vitest-global-setup.ts', 'tools/postgres/vitest-global-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: include('e2e-spec'),
          ...PATIENT,
          globalSetup: ['tools/docker/vitest-global-setup.ts'],
          exclude: MEASURING,
          // After the others, and few at once: each has up to fourteen processes, which are to be ready in time on a slow machine too.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e alone',
          include: MEASURING,
          ...PATIENT,
          globalSetup: ['tools/docker/vitest-global-setup.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
