import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { v8Options } from './v8.js';

it('has options that this V8 knows', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  for (const option of v8Options) expect(known).toContain(`${option.replace('--no-', '--').split('=')[0]} (`);
});
