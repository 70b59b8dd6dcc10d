import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import {
  ChargePayment,
  encode,
  InventoryReserved,
  OrderPlaced,
  PaymentCharged,
  type Command,
  type Envelope,
} from '#libs/contracts';
import { Does, Hopeless, On, Reactions } from '#libs/messaging';
import { effectsOf, startWithEffects } from '../testing/effects.js';
import type { TestedService } from '../testing/index.js';
import { placed } from '../testing/placed.js';

/** How often a token's reaction still has to fail. */
const failures = new Map<string, number>();
const calls: string[] = [];

function perhapsFail(token: string): void {
  const left = failures.get(token) ?? 0;
  if (left > 0) {
    failures.set(token, left - 1);
    throw token.startsWith('hopeless') ? new Hopeless('never') : new Error('not yet');
  }
}

@Reactions({ service: 'inventory' })
class Probe {
  @On(OrderPlaced, { emits: [InventoryReserved, ChargePayment], retry: { baseMs: 1, attempts: 4 } })
  async reserve({ data }: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    await tx.query('insert into effect (token) values ($1)', [data.paymentToken]);
    perhapsFail(data.paymentToken);
    const reserved = InventoryReserved({ orderId: data.orderId, lines: [] });
    if (!data.paymentToken.startsWith('command')) return reserved;
    return [reserved, ChargePayment({ orderId: data.orderId, amountCents: 1, paymentToken: data.paymentToken })];
  }

  @Does(ChargePayment, { emits: [PaymentCharged], retry: { baseMs: 1, attempts: 4 } })
  async charge(command: Command<typeof ChargePayment>) {
    calls.push(`${command.id} attempt ${command.attempt}`);
    perhapsFail(`call of ${command.data.paymentToken}`);
    return () => PaymentCharged({ orderId: command.data.orderId, chargeId: command.id, amountCents: 1 });
  }
}

describe('a message through the pipeline', () => {
  let service: TestedService;

  beforeAll(async () => {
    service = await startWithEffects(Probe);
  });

  afterEach(async () => {
    failures.clear();
    await service.query('truncate effect, outbox, dead_letter');
  });

  afterAll(() => service.close());

  const effects = () => effectsOf(service);
  const deadLetters = () =>
    service.query<{ reason: string; last_error: string; attempts: number; body: Buffer }>('select * from dead_letter');

  it('takes effect once, however often and in whatever batches it comes', async () => {
    const one = placed('one');
    await service.deliver([one, one]);
    await service.deliver([placed('two'), one]);
    expect(await deadLetters()).toEqual([]);
    expect(await effects()).toEqual(['one', 'two']);
    expect(await service.stated()).toHaveLength(2);
  });

  it('takes effect once under an id in upper case, which is the same id', async () => {
    const one = placed('upper case');
    await service.deliver([{ ...one, id: one.id.toUpperCase() }]);
    await service.deliver([one]);
    expect(await effects()).toEqual(['upper case']);
  });

  it('tells what it follows from in what it states', async () => {
    const cause = placed('cause');
    await service.deliver([cause]);
    const [reserved] = await service.stated();
    expect(reserved).toMatchObject({ causationId: cause.id, correlationId: cause.correlationId, source: 'inventory' });
  });

  it('rolls a failing reaction back and tries it again, while the others of its batch go on', async () => {
    failures.set('fails', 2);
    await service.deliver([placed('before'), placed('fails'), placed('after')]);
    expect((await effects()).toSorted()).toEqual(['after', 'before', 'fails']);
  });

  it('keeps later events of the key behind one that waits', async () => {
    const orderId = uuidv7();
    failures.set('first', 3);
    await service.deliver([placed('first', orderId), placed('second', orderId), placed('third', orderId)]);
    expect(await effects()).toEqual(['first', 'second', 'third']);
  });

  it('sets aside what stays without success after its attempts, and lets what waited behind go on', async () => {
    const orderId = uuidv7();
    failures.set('never', 99);
    await service.deliver([placed('never', orderId), placed('next', orderId)]);
    expect(await effects()).toEqual(['next']);
    expect(await deadLetters()).toMatchObject([
      { reason: 'out_of_attempts', attempts: 4, last_error: 'Error: not yet' },
    ]);
  });

  it('rolls a reaction back whose events cannot be written, and says why', async () => {
    await service.query('alter table outbox add constraint nothing_more check (id < 0) not valid');
    await service.deliver([placed('mute'), placed('command mute')]);
    await service.query('alter table outbox drop constraint nothing_more');
    expect(await effects()).toEqual([]);
    expect(await service.stated()).toEqual([]);
    expect((await deadLetters()).map(({ last_error }) => last_error)).toEqual([
      expect.stringContaining('nothing_more'),
      expect.stringContaining('nothing_more'),
    ]);
  });

  it('sets a hopeless one aside at once', async () => {
    failures.set('hopeless', 1);
    await service.deliver([placed('hopeless')]);
    expect(await effects()).toEqual([]);
    expect(await deadLetters()).toMatchObject([{ reason: 'hopeless', attempts: 1 }]);
  });

  it.each([
    ['no JSON', 'malformed', {}, Buffer.from('{')],
    ['an unknown type', 'unknown_type', { type: 'order.eaten' }, undefined],
    ['an unknown version', 'unknown_version', { dataversion: '9' }, undefined],
    ['data that does not fit', 'malformed', {}, Buffer.from('{"orderId":1}')],
    ['no id', 'malformed', { id: '' }, undefined],
    ['a key with NUL', 'malformed', { partitionkey: 'a\0b' }, undefined],
    ['a key longer than an index holds', 'malformed', { partitionkey: randomBytes(6_000).toString('hex') }, undefined],
    ['a cause with NUL', 'malformed', { causationid: 'a\0b' }, undefined],
    ['an unknown, endless type', 'unknown_type', { type: randomBytes(6_000).toString('hex') }, undefined],
    ['an id too old to tell from a duplicate', 'too_old', { id: uuidv7({ msecs: 1 }) }, undefined],
  ])('sets a message with %s aside with its bytes', async (_, reason, headers, body) => {
    const sound = encode(placed('sound'));
    await service.deliverRaw({ ...sound.headers, ...headers }, body ?? sound.body);
    const [letter] = await deadLetters();
    expect(letter?.reason).toBe(reason);
    expect(letter?.body).toEqual(body ?? sound.body);
    expect(await effects()).toEqual([]);
  });

  it('reads a CloudEvent in structured mode', async () => {
    const { headers, body } = encode(placed('structured'));
    const event = { ...headers, data: JSON.parse(body.toString()) as object };
    await service.deliverRaw({ 'content-type': 'application/cloudevents+json' }, Buffer.from(JSON.stringify(event)));
    expect(await effects()).toEqual(['structured']);
  });

  it('does a command with the same id at each attempt, and states its outcome once', async () => {
    calls.length = 0;
    failures.set('call of command', 2);
    await service.deliver([placed('command')]);
    const ids = new Set(calls.map((call) => call.split(' ')[0]));
    expect(ids.size).toBe(1);
    expect(calls.map((call) => call.split(' ').at(-1))).toEqual(['1', '2', '3']);
    expect((await service.stated()).map((event) => event.type)).toEqual(['inventory.reserved', 'payment.charged']);
  });
});
