/* npm run chaos [-- --help] */
import { embeddedPostgres, kafka, rabbitmq } from '../stores.js';
import { Arena } from './arena.js';
import { readOptions } from './options.js';
import { runRounds, type Total } from './run-rounds.js';

const options = readOptions(process.argv);
const print = (line: string) => void process.stdout.write(`${line}\n`);
const starts = { postgres: embeddedPostgres, rabbitmq, kafka };

print(`seed ${options.seed} on ${options.transport}`);
const arena = await Arena.start(starts[options.transport]);
const leave = async (exitCode: number, keep = false) => {
  process.exitCode = exitCode;
  await arena.stop(keep);
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void leave(130).finally(() => process.exit()));
}
let total: Total | undefined;
try {
  total = await runRounds(arena, options, print);
} finally {
  await leave(total?.failed === false ? 0 : 1, total?.failed !== false);
}
