import type { INestApplication } from '@nestjs/common';
import { SERVICES, type ServiceName } from './events.js';

/** The service that this process was told to be. */
export function serviceToRun(): ServiceName {
  const service = SERVICES.find((name) => name === process.argv[2]);
  if (!service) throw new Error(`which service? ${SERVICES.join(', ')}`);
  return service;
}

/** Takes requests, and tells whoever started the process where. Ends in order when told to, so that a CPU profile is written, and when whoever started it is gone. */
export async function listen(app: INestApplication): Promise<void> {
  const end = () => void app.close().finally(() => process.exit());
  process.once('SIGTERM', end);
  process.once('disconnect', end);
  await app.listen(0, '127.0.0.1');
  process.send?.(await app.getUrl());
}
