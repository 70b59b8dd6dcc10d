import colors from 'picocolors';
import { createInterface } from 'node:readline/promises';
import { NotDone } from '../ops.js';
import { actionsOn, type Terminal } from './actions.js';
import { commandLine } from './options.js';

const terminal: Terminal = {
  width: process.stdout.columns ?? 160,
  print: (text) => void process.stdout.write(`${text}\n`),
  async confirm(question) {
    if (!process.stdin.isTTY) throw new NotDone('nobody can be asked here: look at the differences, then add --yes');
    const asked = createInterface({ input: process.stdin, output: process.stdout });
    const answer = await asked.question(`${question} [y/N] `);
    asked.close();
    return /^y(es)?$/i.test(answer.trim());
  },
  onLeave(leave) {
    const end = () => {
      leave();
      process.exit();
    };
    process.once('SIGINT', end);
    return () => void process.off('SIGINT', end);
  },
};

try {
  await commandLine(actionsOn(terminal, () => (process.exitCode = 1))).parseAsync();
} catch (error) {
  process.stderr.write(`${colors.red(error instanceof NotDone ? error.message : String((error as Error).stack))}\n`);
  process.exitCode = 1;
}
