import type { EntityManager } from 'typeorm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ChargePayment, OrderPlaced, type Command, type Envelope } from '#libs/contracts';
import { Does, On, Reactions } from '#libs/messaging';
import { Transactions } from '#libs/outbox';
import { effectsOf, startWithEffects } from '../testing/effects.js';
import type { TestedService } from '../testing/index.js';
import { placed } from '../testing/placed.js';

const RETRY = { attempts: 2, baseMs: 1 };

const fail = (tx: EntityManager) => tx.query('select 1 / $1::int', [0]);

const note = (token: string, tx: EntityManager) => tx.query('insert into effect (token) values ($1)', [token]);

async function leave(token: string, tx: EntityManager): Promise<void> {
  await note(token, tx);
  if (token.includes('careless')) await fail(tx).catch(() => undefined);
  if (!token.includes('careful')) return;
  await tx.transaction(fail).catch(() => undefined);
  await tx.transaction((inner) => note(`${token} again`, inner)).catch(() => undefined);
}

@Reactions({ service: 'payment' })
class Probe {
  @On(OrderPlaced, { emits: [ChargePayment], retry: RETRY })
  async owed({ data: { orderId, paymentToken: token } }: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    if (token.startsWith('command')) return ChargePayment({ orderId, amountCents: 1, paymentToken: token });
    await leave(token, tx);
    return [];
  }

  @Does(ChargePayment, { retry: RETRY })
  async charge({ data }: Command<typeof ChargePayment>) {
    return (tx: EntityManager) => leave(data.paymentToken, tx);
  }
}

describe.each([
  ['of a key only', true],
  ['of anything', false],
])('a failed statement whose error is caught, by what is %s', (_what, perKey) => {
  let service: TestedService;

  beforeAll(async () => {
    service = await startWithEffects(Probe, { perKey });
  });
  afterEach(() => service.query('truncate effect, dead_letter'));
  afterAll(() => service.close());

  const deadLetters = () =>
    service.query<{ attempts: number; last_error: string }>('select attempts, last_error from dead_letter');

  it.each([
    ['a reaction', ''],
    ['the conclusion of a command', 'command '],
  ])('fails %s, but not the others of its batch', async (_, kind) => {
    await service.deliver(['before', 'careless', 'after'].map((token) => placed(`${kind}${token}`)));
    expect((await effectsOf(service)).toSorted()).toEqual([`${kind}after`, `${kind}before`]);
    expect(await deadLetters()).toEqual([
      { attempts: RETRY.attempts, last_error: expect.stringContaining('its error was caught') },
    ]);
  });

  it('fails a use case', async () => {
    const run = service.get(Transactions).run((tx) => leave('careless', tx));
    await expect(run).rejects.toThrow('its error was caught');
    expect(await effectsOf(service)).toEqual([]);
  });

  it.each([
    ['a reaction', ''],
    ['the conclusion of a command', 'command '],
  ])('fails nothing of %s where it was within a savepoint, whoever shares the transaction', async (_, kind) => {
    await service.deliver(['careful', 'also careful'].map((token) => placed(`${kind}${token}`)));
    const left = ['also careful', 'also careful again', 'careful', 'careful again'];
    expect((await effectsOf(service)).toSorted()).toEqual(left.map((token) => `${kind}${token}`));
    expect(await deadLetters()).toEqual([]);
  });

  it('fails no use case where it was within a savepoint', async () => {
    await service.get(Transactions).run((tx) => leave('careful', tx));
    expect(await effectsOf(service)).toEqual(['careful', 'careful again']);
  });
});
