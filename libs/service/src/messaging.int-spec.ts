import { Module } from '@nestjs/common';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OrderPlaced, PaymentCharged } from '#libs/contracts';
import { On, Reactions } from '#libs/messaging';
import { InMemoryTransport } from '#libs/messaging/testing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { noMetrics } from '../testing/index.js';
import { definitionOf } from './definition.js';
import { Service } from './index.js';
import { createServiceApp } from './service-app.js';
import { readSettings } from './settings.js';

/** A service that reacts to these, in this order. */
function reactingTo(name: string, ...types: (typeof OrderPlaced | typeof PaymentCharged)[]) {
  @Reactions({ service: name })
  class Probe {}
  for (const type of types) {
    const value = async () => undefined;
    Object.defineProperty(Probe.prototype, type.type, { value });
    On(type)(Probe.prototype, type.type, { value });
  }
  @Service({ name, title: 'Probe', port: 0 })
  @Module({ controllers: [Probe] })
  class ProbeModule {}
  return ProbeModule;
}

describe('a service that starts', () => {
  let url: string;
  let drop: () => Promise<void>;
  beforeAll(async () => ({ url, drop } = await freshDatabase()));
  afterAll(() => drop?.());

  /** What it says as a warning until it is subscribed. */
  async function warningsOf(
    module: ReturnType<typeof reactingTo>,
    env: Record<string, string> = {},
  ): Promise<string[]> {
    const { settings, variables } = readSettings(definitionOf(module), { ...env, DATABASE_URL: url });
    const warnings: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void warnings.push(JSON.parse(line).msg as string) });
    const transport = new InMemoryTransport({ topology: [], maxBatch: 100 });
    const service = await createServiceApp(module, { settings, variables, log, transport, metrics: noMetrics });
    await expect.poll(() => service.messaging.ready).toBe(true);
    await service.close();
    return warnings;
  }

  const missed = 'may never reach it';
  const setAside = /On RabbitMQ .* unknown_type/;

  it.each([
    ['is not in it', reactingTo('reminder', OrderPlaced), [['does not know reminder', missed]]],
    [
      'reacts to less',
      reactingTo('shipping', OrderPlaced),
      [['says that shipping reacts to payment.charged', setAside]],
    ],
    [
      'reacts to something else',
      reactingTo('inventory', OrderPlaced, PaymentCharged),
      [
        ['does not say that inventory reacts to payment.charged', missed],
        ['says that inventory reacts to payment.declined, payment.refunded, shipment.created', setAside],
      ],
    ],
  ] as const)('warns of a stale choreography where it %s, and of what comes of it', async (_, module, expected) => {
    const warnings = await warningsOf(module);
    expect(warnings).toHaveLength(expected.length);
    for (const [n, [difference, consequence]] of expected.entries()) {
      expect(warnings[n]).toContain(`choreography.ts ${difference}: write it anew`);
      expect(warnings[n]).toMatch(consequence);
    }
  });

  it.each([
    ['itself', {}],
    ['another group', { CONSUMER_GROUP: 'shipping-again' }],
  ])('is quiet where the choreography has its reactions in another order, for %s', async (_, env) => {
    expect(await warningsOf(reactingTo('shipping', PaymentCharged, OrderPlaced), env)).toEqual([]);
  });
});
