import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseResult } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rules } from './rules.js';

const root = process.cwd();

/** `rule: from → to` for each import that goes the wrong way under `baseDir`. */
async function wrongImports(baseDir: string, ...folders: string[]): Promise<string[]> {
  const { forbidden, options } = rules;
  const { output } = await cruise(
    folders,
    { ...options, baseDir, ruleSet: { forbidden }, validate: true },
    options.enhancedResolveOptions,
    { tsConfig: extractTSConfig(join(root, 'tsconfig.json')) },
  );
  return (output as ICruiseResult).summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
}

describe('imports', () => {
  it('go one way in this repository', async () => {
    expect(await wrongImports(root, 'apps', 'libs', 'tools', 'e2e')).toEqual([]);
  });
});

describe('the rules', () => {
  let tree: string;
  const write = async (path: string, ...imports: string[]) => {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), imports.map((from) => `import '${from}';\n`).join('') + 'export const it = 1;\n');
  };

  beforeAll(async () => {
    tree = await mkdtemp(join(tmpdir(), 'imports-'));
    for (const lib of ['contracts', 'messaging', 'kafka', 'service', 'tracing'])
      await write(`libs/${lib}/src/index.ts`);
    await write('apps/payment/src/payment.ts');
    await write('apps/payment-provider/src/main.ts');
    await write('tools/clock.ts');
  });
  afterAll(() => rm(tree, { recursive: true }));

  it.each([
    ['contracts-knows-only-itself', 'libs/contracts/src/a.ts', '../../messaging/src/index.js'],
    ['tracing-knows-only-itself', 'libs/tracing/src/a.ts', '../../contracts/src/index.js'],
    ['messaging-knows-only-contracts', 'libs/messaging/src/a.ts', '../../kafka/src/index.js'],
    ['kafka-knows-only-contracts-messaging', 'libs/kafka/src/a.ts', '../../service/src/index.js'],
    ['libs-know-no-apps', 'libs/service/src/a.ts', '../../../apps/payment/src/payment.js'],
    ['apps-know-no-tools', 'apps/order/src/a.ts', '../../../tools/clock.js'],
    ['apps-know-no-other-app', 'apps/order/src/a.ts', '../../payment/src/payment.js'],
    ['apps-know-the-provider-by-http', 'apps/order/src/a.ts', '../../payment-provider/src/main.js'],
    ['apps-name-no-broker', 'apps/order/src/a.ts', '../../../libs/kafka/src/index.js'],
    ['libs-are-entered-by-their-index', 'apps/order/src/a.ts', '../../../libs/kafka/src/inner.js'],
    ['nothing-that-runs-imports-tests', 'apps/order/src/a.ts', './order.spec.js'],
    ['no-circles', 'apps/order/src/a.ts', './a.js'],
  ])('refuse by %s that %s imports %s', async (rule, from, to) => {
    const target = join(dirname(from), to).replace(/js$/, 'ts');
    if (/(inner|order\.spec)\.ts$/.test(target)) await write(target);
    await write(from, to);
    const wrong = await wrongImports(tree, 'apps', 'libs', 'tools');
    await rm(join(tree, from));
    expect(wrong).toContain(`${rule}: ${from} → ${target}`);
  });
});
