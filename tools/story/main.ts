import colors from 'picocolors';
import { gather, NotTold } from './gather.js';
import { readOptions } from './options.js';
import { lines } from './print.js';
import { growTree } from './tree.js';

const { orderId, addresses } = readOptions(process.argv);

try {
  const { order, handlings, silent } = await gather(orderId, addresses);
  for (const line of lines(order, growTree(order.history, handlings))) process.stdout.write(`${line}\n`);
  for (const { service, why } of silent) {
    process.stderr.write(colors.yellow(`\nWhat ${service} did is missing above: ${why}\n`));
    process.exitCode = 1;
  }
} catch (error) {
  if (!(error instanceof NotTold)) throw error;
  process.stderr.write(`${colors.red(error.message)}\n`);
  process.exitCode = 1;
}
