import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { freePort } from './ports.js';

const MANY = 400;
const source = new URL('./ports.ts', import.meta.url).href;
const program = `
  const { freePort } = await import(${JSON.stringify(source)});
  const ports = [];
  for (let n = 0; n < ${MANY}; n++) ports.push(await freePort());
  console.log(JSON.stringify(ports));
`;

it('gives no port twice, to whichever process asks', async () => {
  const mine: number[] = [];
  for (let n = 0; n < MANY; n++) mine.push(await freePort());
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  const theirs = JSON.parse(stdout) as number[];
  expect(new Set([...mine, ...theirs]).size).toBe(2 * MANY);
});
