import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { repositoryRoot } from './apps.js';
import { v8Options } from './v8-options.js';

it('are those of the image', () => {
  const [, entrypoint] = /^ENTRYPOINT (.*)$/m.exec(readFileSync(join(repositoryRoot, 'Dockerfile'), 'utf8')) ?? [];
  expect(JSON.parse(entrypoint!)).toEqual(['node', ...v8Options]);
});
