import { defineConfig } from 'vitest/config';

const include = (suffix: string) => [`{apps,libs,tools,e2e,bench,docker,k8s}/**/*.${suffix}.ts`];

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    maxWorkers: '100%',
    sequence: { groupOrder: 1 },
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
          globalSetup: ['tools/postgres/vitest-global-setup.ts', 'tools/docker/vitest-global-setup.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: include('e2e-spec'),
          testTimeout: 300_000,
          hookTimeout: 180_000,
          globalSetup: ['tools/docker/vitest-global-setup.ts'],
          fileParallelism: false,
          // After the others: whole services need the machine for themselves.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
