/* node tools/run-built.ts <tool> …: runs a built command line of tools/. Imports nothing of this repository, so that Node runs it as it stands. */
import { existsSync } from 'node:fs';

const [tool] = process.argv.splice(2, 1);
const built = new URL(`../dist/tools/${tool}/main.js`, import.meta.url);
if (existsSync(built)) {
  await import(built.href);
} else {
  process.stderr.write('nothing is built yet: run npm start in another terminal first\n');
  process.exitCode = 1;
}
