import 'reflect-metadata';
import type { Type } from '@nestjs/common';
import { enableFailPoints } from '#libs/messaging';
import { startMetrics, startTracing } from '#libs/tracing';
import { openDatabase } from './database.js';
import { definitionOf } from './definition.js';
import { createLog } from './log.js';
import { createServiceApp } from './service-app.js';
import { readSettings, WrongVariables, type Settings } from './settings.js';
import { openTransport } from './transports.js';
import { optimiseSooner } from './v8.js';

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
    optimiseSooner();
    const service = await createServiceApp(module, { settings, variables, log, transport, metrics });
    stopOnSignal(settings, async () => {
      await service.close();
      await metrics.shutdown();
      await tracing.shutdown();
      log.info({ event: 'stopped' }, 'stopped');
    });
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

function stopOnSignal({ SHUTDOWN_TIMEOUT_MS }: Settings, stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = () => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), SHUTDOWN_TIMEOUT_MS).unref();
    stop().then(
      () => process.exit(),
      (error: unknown) => fail(String(error)),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, onSignal);
}
