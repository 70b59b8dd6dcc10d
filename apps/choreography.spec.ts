import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import type { Type } from '@nestjs/common';
import { format, resolveConfig } from 'prettier';
import { beforeAll, describe, expect, it } from 'vitest';
import { choreographySourceOf, drawingOf, faultsOf, partOf, type Part } from '#libs/choreography';
import { REACTIONS } from '#libs/messaging';

const root = join(import.meta.dirname, '..');
let parts: readonly Part[];

beforeAll(async () => {
  const classes: Type[] = [];
  for await (const file of glob('apps/*/src/*.reactions.ts', { cwd: root })) {
    const exported = Object.values((await import(join(root, file))) as Record<string, Type>);
    classes.push(...exported.filter((value) => Reflect.hasMetadata(REACTIONS, value)));
  }
  const begins = (part: Part) => Number(part.states.length === 0);
  parts = classes.map(partOf).toSorted((a, b) => begins(a) - begins(b) || a.service.localeCompare(b.service));
});

/** Run with -u, as `npm run choreography` does, writes the file instead. */
async function expectFile(path: string, content: string): Promise<void> {
  const file = join(root, path);
  const formatted = await format(content, { ...(await resolveConfig(file)), filepath: file });
  await expect(formatted).toMatchFileSnapshot(file, 'stale: run `npm run choreography`');
}

describe('the choreography', () => {
  it('has a statement for each reaction, one reaction to each message, and a doer for each command', () => {
    expect(faultsOf(parts)).toEqual([]);
  });

  it('is drawn in apps/CHOREOGRAPHY.md as it runs', async () => {
    await expectFile('apps/CHOREOGRAPHY.md', drawingOf(parts));
  });

  it('is known to every service as libs/contracts/src/choreography.ts', async () => {
    await expectFile('libs/contracts/src/choreography.ts', choreographySourceOf(parts));
  });
});
