import { Module } from '@nestjs/common';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { Subscriber } from '#libs/messaging';
import { InMemoryTransport } from '#libs/messaging/testing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { noMetrics } from '../testing/index.js';
import { definitionOf } from './definition.js';
import { Service } from './index.js';
import { createServiceApp } from './service-app.js';
import { readSettings } from './settings.js';

@Service({ name: 'inventory', title: 'Probe', port: 0 })
@Module({})
class ProbeModule {}

/** As with a broker that is slow to answer: a subscription ends when it is closed, and had not begun. */
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
  const service = await createServiceApp(ProbeModule, { settings, variables, log, transport, metrics: noMetrics });
  await transport.asked.promise;
  await service.close();
  await new Promise((resolve) => setImmediate(resolve));
  expect(lines).toEqual([]);
  await drop();
});
