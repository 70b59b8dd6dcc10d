import { Module } from '@nestjs/common';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { Subscriber } from '#libs/messaging';
import { InMemoryTransport } from '#libs/messaging/testing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { definitionOf } from './definition.js';
import { Service } from './index.js';
import { createServiceApp } from './service-app.js';
import { readSettings } from './settings.js';

@Service({ name: 'inventory', title: 'Probe', port: 0 })
@Module({})
class ProbeModule {}

/** Its subscriptions begin to exist when they are closed, and fail then, as those to a broker that is slow to answer. */
class SlowTransport extends InMemoryTransport {
  readonly asked = Promise.withResolvers<void>();

  override async subscriber(): Promise<Subscriber> {
    const closed = Promise.withResolvers<never>();
    closed.promise.catch(() => undefined);
    return {
      subscribe: () => {
        this.asked.resolve();
        return closed.promise;
      },
      close: async () => closed.reject(new Error('the connection was closed')),
    };
  }
}

it('a service that is stopped while it still subscribes ends in order', async () => {
  const { url, drop } = await freshDatabase();
  const { settings, variables } = readSettings(definitionOf(ProbeModule), { DATABASE_URL: url });
  const lines: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) });
  const transport = new SlowTransport({ topology: [], maxBatch: 100 });
  const metrics = { render: async () => '', shutdown: async () => undefined };
  const service = await createServiceApp(ProbeModule, { settings, variables, log, transport, metrics });
  await transport.asked.promise;
  await service.close();
  await new Promise((resolve) => setImmediate(resolve));
  expect(lines).toEqual([]);
  await drop();
});
