import 'reflect-metadata';
import { constants } from 'node:os';
import type { Type } from '@nestjs/common';
import { enableFailPoints } from '#libs/messaging';
import { startMetrics, startTracing } from '#libs/tracing';
import { openDatabase } from './database.js';
import { definitionOf } from './definition.js';
import { createLog, type Log } from './log.js';
import { createServiceApp } from './service-app.js';
import { readSettings, WrongVariables, type Settings } from './settings.js';
import { openTransport } from './transports.js';
import { tuneV8 } from './v8.js';

/**
 * Runs a service until SIGTERM or SIGINT, then stops it in order. Resolves once it takes requests.
 * With MIGRATE_ONLY=true it brings the database up to date and ends. Wrong variables, a port in use or a store that is set up differently end the process with exit code 1 and one line that says so.
 */
export async function runService(module: Type): Promise<void> {
  const definition = definitionOf(module);
  const { settings, variables } = readOrExit(() => readSettings(definition, process.env));
  const log = createLog(settings);
  process.on('unhandledRejection', (error) =>
    log.error({ event: 'unhandled_rejection', err: error }, 'a promise was rejected and nobody listened'),
  );
  let close: (() => Promise<void>) | undefined;
  stopOnSignal(settings, log, () => close);
  if (settings.FAIL_POINTS) enableFailPoints(settings.FAIL_POINTS, settings.service);
  const tracing = await startTracing({
    service: settings.service,
    report: (line) => log.warn({ event: 'tracing' }, `tracing: ${line}`),
  });
  const metrics = startMetrics({ service: settings.service });
  try {
    if (settings.MIGRATE_ONLY) {
      const database = await openDatabase(settings, definition.migrations ?? [], log);
      await database.destroy();
      process.exit();
    }
    const transport = await openTransport(settings, log);
    tuneV8();
    const service = await createServiceApp(module, { settings, variables, log, transport, metrics });
    close = async () => {
      await service.close();
      await metrics.shutdown();
      await tracing.shutdown();
      log.info({ event: 'stopped' }, 'stopped');
    };
    await service.app.listen(settings.PORT, settings.HOST);
    log.info({ event: 'listening', port: settings.PORT }, `listens on ${await service.app.getUrl()}`);
  } catch (error) {
    fail(`${settings.service}: ${explain(error, settings)}`);
  }
}

function readOrExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof WrongVariables) return fail(error.message);
    throw error;
  }
}

function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}

function explain(error: unknown, { HOST, PORT }: Settings): string {
  const { code, message, stack } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `port ${PORT} on ${HOST} is in use; set PORT to another one`;
  return code ? message : (stack ?? message);
}

/** While there is nothing to close yet, a signal ends the process as if nobody listened, which it would not as the first process of a container. */
function stopOnSignal(
  { SHUTDOWN_TIMEOUT_MS }: Settings,
  log: Log,
  toClose: () => (() => Promise<void>) | undefined,
): void {
  let stopping = false;
  const onSignal = (signal: 'SIGTERM' | 'SIGINT') => {
    const close = toClose();
    if (!close) process.exit(128 + constants.signals[signal]);
    if (stopping) return;
    stopping = true;
    setTimeout(() => {
      log.error(
        { event: 'not_stopped' },
        `did not come to an end within ${SHUTDOWN_TIMEOUT_MS} ms: what is under way is cut off`,
      );
      process.exit(1);
    }, SHUTDOWN_TIMEOUT_MS).unref();
    close().then(
      () => process.exit(),
      (error: unknown) => fail(String(error)),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
}
