import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import colors from 'picocolors';
import { PostgresStartError, removePostgres } from '../postgres/index.js';
import { whenNpmIsGone } from './ancestors.js';
import { Interrupted, PlatformError } from './errors.js';
import { readOptions } from './options.js';
import { type Platform, startPlatform } from './platform.js';
import { RunFolder } from './run-folder.js';
import { welcome } from './welcome.js';

const options = readOptions(process.argv);
const interrupted = new AbortController();
let platform: Platform | undefined;
let asked = 0;

function stopAll(): void {
  interrupted.abort();
  if (++asked > 3) process.exit(1);
  if (!platform) return;
  if (asked === 1) say('stopping …');
  platform.stop(asked > 1 ? { withinMs: 0 } : {}).then(
    () => {
      if (process.exitCode === undefined) say('stopped');
      process.exit(0);
    },
    (error: unknown) => fail(error),
  );
}

function say(line: string): void {
  process.stdout.write(`${colors.dim(new Date().toTimeString().slice(0, 8))} ${line}\n`);
}

function fail(error: unknown): never {
  const expected = error instanceof PlatformError || error instanceof PostgresStartError;
  const told = expected ? error.message : String((error as Error).stack ?? error);
  process.stderr.write(`${colors.red(told)}\n`);
  process.exit(1);
}

/** Removes what the platform wrote, and nothing else that may lie in the folder. */
async function reset(dataDir: string): Promise<void> {
  const { folder } = await RunFolder.claim(dataDir);
  await removePostgres(join(dataDir, 'postgres'));
  for (const name of ['mail', 'logs', 'provider']) await rm(join(dataDir, name), { recursive: true, force: true });
  folder.release();
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stopAll);
whenNpmIsGone(stopAll);
// nobody reads on when the terminal is gone; that is no reason to leave services behind
process.stdout.on('error', stopAll);

try {
  const startedAt = performance.now();
  const dataDir = resolve(options.data);
  if (options.reset) await reset(dataDir);
  say(`starting PostgreSQL and the services, data in ${options.data} …`);
  platform = await startPlatform({
    dataDir,
    port: options.port,
    postgresPort: options.postgresPort,
    except: options.except,
    replicas: options.replicas,
    report: say,
    signal: interrupted.signal,
  });
  const transport = process.env['TRANSPORT'] || 'postgres';
  if (interrupted.signal.aborted) stopAll();
  else process.stdout.write(welcome(platform, transport, performance.now() - startedAt));
} catch (error) {
  if (error instanceof Interrupted) {
    say('stopped');
    process.exit(0);
  }
  fail(error);
}
