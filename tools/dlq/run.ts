/* npm run dlq [-- --help]: runs the built command line. Imports nothing of this repository, so that Node runs it as it stands. */
import { existsSync } from 'node:fs';

const built = new URL('../../dist/tools/dlq/main.js', import.meta.url);
if (existsSync(built)) {
  await import(built.href);
} else {
  process.stderr.write('nothing is built yet: run npm start in another terminal first\n');
  process.exitCode = 1;
}
