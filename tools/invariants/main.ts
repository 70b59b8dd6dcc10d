import colors from 'picocolors';
import { WrongVariables } from '#libs/service';
import { violationsIn } from './invariants.js';
import { mailAt, mailIn } from './mail.js';
import { readOptions } from './options.js';
import { NotChecked, openStore, reasonOf } from './reach.js';
import type { System } from './system.js';

const { databaseUrl, providerUrl, mailDir, mailpit, from, withinMs } = readOptions(process.argv);

const system: System = {
  databaseUrl: (service) => databaseUrl.replaceAll('{service}', service),
  providerUrl,
  openTransport: () => openStore(process.env),
  ...(mailpit ? { sentMail: () => mailAt(mailpit) } : mailDir ? { sentMail: () => mailIn(mailDir) } : {}),
};

try {
  const violations = await violationsIn(system, { from, withinMs });
  for (const violation of violations) process.stdout.write(`${colors.red('✗')} ${violation}\n`);
  const mail = system.sentMail ? '' : ' (mail was not looked at: say --mail-dir or --mailpit)';
  if (violations.length === 0) process.stdout.write(`${colors.green('✓')} all that must hold holds${mail}\n`);
  else process.exitCode = 1;
} catch (error) {
  const { code, stack } = error as NodeJS.ErrnoException;
  const expected = error instanceof WrongVariables || error instanceof NotChecked || code !== undefined;
  process.stderr.write(`${colors.red(expected ? reasonOf(error) : String(stack))}\n`);
  process.exitCode = 1;
}
