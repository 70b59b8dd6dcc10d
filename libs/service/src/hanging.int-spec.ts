import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { EntityManager } from 'typeorm';
import { ChargePayment, OrderPlaced, PaymentCharged, type Command, type Envelope } from '#libs/contracts';
import { Does, On, Reactions } from '#libs/messaging';
import { effectsOf, startWithEffects } from '../testing/effects.js';
import type { TestedService } from '../testing/index.js';
import { placed } from '../testing/placed.js';

const TIMEOUT_MS = 300;
/** Far below the service's own REACTION_TIMEOUT_MS of 30 s, after which the database would end a statement by itself. */
const SOON_MS = 10_000;
const never = () => new Promise<never>(() => undefined);

/** What the first try of a token hangs in; there is no second time. */
const hangs = new Map<string, (tx: EntityManager) => Promise<unknown>>();
const once = async (token: string, tx?: EntityManager) => {
  const hang = hangs.get(token);
  hangs.delete(token);
  await hang?.(tx!);
};

@Reactions({ service: 'payment' })
class Probe {
  @On(OrderPlaced, { emits: [ChargePayment], timeoutMs: TIMEOUT_MS, retry: { attempts: 2, baseMs: 1 } })
  async owed({ data }: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    const { orderId, paymentToken } = data;
    await tx.query('insert into effect (token) values ($1)', [paymentToken]);
    await once(paymentToken, tx);
    return paymentToken === 'command' ? ChargePayment({ orderId, amountCents: 1, paymentToken }) : [];
  }

  @Does(ChargePayment, { emits: [PaymentCharged], timeoutMs: TIMEOUT_MS, retry: { attempts: 2, baseMs: 1 } })
  async charge({ id, data: { orderId } }: Command<typeof ChargePayment>) {
    await once('call');
    return async (tx: EntityManager) => {
      await once('conclusion', tx);
      return PaymentCharged({ orderId, chargeId: id, amountCents: 1 });
    };
  }
}

describe.each([
  ['one after the other', false],
  ['in turns', true],
])('a message whose handling hangs, where messages are handled %s', (_, perKey) => {
  let service: TestedService;

  beforeAll(async () => {
    service = await startWithEffects(Probe, { perKey });
  });
  afterEach(async () => {
    hangs.clear();
    await service.query('truncate effect, outbox, dead_letter');
  });
  afterAll(() => service.close());

  const effects = () => effectsOf(service);
  const attempts = async ({ id }: Envelope) =>
    (await service.query<{ attempts: number }>('select attempts from inbox where message_id = $1', [id]))[0]?.attempts;
  const sleeping = () =>
    service.query(`select from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()`);

  const places = [
    ['in the database', (tx: EntityManager) => tx.query('select pg_sleep(3600)')],
    ['in the code', never],
  ] as const;

  it.each(places)(
    'hangs %s no longer than it may, has no effect, and is tried again',
    { timeout: SOON_MS },
    async (_where, hang) => {
      hangs.set('hangs', hang);
      const order = placed('hangs');
      await service.deliver([order]);
      expect(await sleeping()).toEqual([]);
      expect([await effects(), await attempts(order)]).toEqual([['hangs'], 2]);
    },
  );

  it('holds up the others of its batch no longer than that', { timeout: SOON_MS }, async () => {
    // Alone once more after the batch was given up, and then at its second attempt.
    const hang = async (tx: EntityManager) => (hangs.set('hangs', hang), tx.query('select pg_sleep(3600)'));
    hangs.set('hangs', hang);
    await service.deliver([placed('before'), placed('hangs'), placed('after')]);
    expect((await effects()).toSorted()).toEqual(['after', 'before']);
    expect(await service.query('select attempts, last_error from dead_letter')).toEqual([
      { attempts: 2, last_error: `TimedOut: the handler of order.placed did not end within ${TIMEOUT_MS} ms` },
    ]);
  });

  it('is tried again where it is a command', { timeout: SOON_MS }, async () => {
    hangs.set('call', never);
    await service.deliver([placed('command')]);
    expect((await service.stated()).map(({ type }) => type)).toEqual(['payment.charged']);
  });

  it.each(places)(
    'hangs %s in the conclusion of a command no longer than it may, and holds up no other',
    { timeout: SOON_MS },
    async (_where, hang) => {
      hangs.set('conclusion', hang);
      await service.deliver([placed('command'), placed('command')]);
      expect(await sleeping()).toEqual([]);
      expect((await service.stated()).map(({ type }) => type)).toEqual(['payment.charged', 'payment.charged']);
    },
  );
});
