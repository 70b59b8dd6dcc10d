import { createProvider } from './provider-app.js';
import { Settings } from './settings.js';

/** Runs the provider until SIGTERM or SIGINT. What keeps it from starting is told in one line, with exit code 1. */
export async function runProvider(env: NodeJS.ProcessEnv): Promise<void> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const settings = Settings.safeParse(given);
  if (!settings.success) {
    return fail(
      settings.error.issues.map(({ path, message }) => `payment-provider: ${String(path[0])}: ${message}`).join('\n'),
    );
  }
  const { HOST, PORT } = settings.data;
  try {
    const app = await createProvider(settings.data);
    await app.init();
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => void app.close().finally(() => process.exit()));
    }
    // Nest's own listen() logs a port in use before it throws it.
    const address = await app.getHttpAdapter().getInstance().listen({ port: PORT, host: HOST });
    process.stdout.write(
      `${JSON.stringify({ event: 'listening', service: 'payment-provider', message: `listens on ${address}` })}\n`,
    );
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    fail(
      code === 'EADDRINUSE'
        ? `payment-provider: port ${PORT} on ${HOST} is in use; set PORT to another one`
        : `payment-provider: ${message}`,
    );
  }
}

function fail(line: string): never {
  process.stderr.write(`${line}\n`);
  process.exit(1);
}
