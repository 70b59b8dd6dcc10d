import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import type { EntityManager } from 'typeorm';
import { encode, OrderPlaced, type Envelope } from '#libs/contracts';
import { Hopeless, On, Reactions, topicOf } from '#libs/messaging';
import { eventually } from '#libs/messaging/testing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { envelopeOf, startForTest, type TestedService } from '../testing/index.js';
import { Service } from './index.js';
import type { Messaging } from './messaging.js';
import { MESSAGING } from './tokens.js';

/** Tokens whose reaction fails, and how. */
const failing = new Map<string, () => Error>();
/** Reactions to these wait for a promise. */
const held = new Map<string, Promise<void>>();

@Reactions({ service: 'inventory' })
class Probe {
  @On(OrderPlaced, { retry: { attempts: 2, baseMs: 1 } })
  async note({ data }: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    await held.get(data.paymentToken);
    const error = failing.get(data.paymentToken)?.();
    if (error) throw error;
    await tx.query('insert into effect (key, token) values ($1, $2)', [data.orderId, data.paymentToken]);
  }
}

class CreateEffect1700000000100 {
  async up(runner: { query(sql: string): Promise<unknown> }) {
    await runner.query(
      'create table effect (id bigint generated always as identity, key text, token text, at timestamptz default now())',
    );
  }
  async down() {}
}

@Service({ name: 'inventory', title: 'Probe', port: 0, providers: [Probe], migrations: [CreateEffect1700000000100] })
class ProbeModule {}

const token = 'a token for this test';
const broken = () => new Error('no stock of 12 mugs', { cause: new TypeError('nobody counts') });

function dataOf(paymentToken: string, orderId: string) {
  return {
    orderId,
    customer: { name: 'Ada', email: 'ada@example.com' },
    lines: [{ sku: 'mug', quantity: 1, unitPriceCents: 1 }],
    totalCents: 1,
    shippingAddress: { street: '1 Main St', city: 'London', postalCode: 'N1', country: 'GB' },
    paymentToken,
  };
}

const placed = (paymentToken: string, orderId: string = uuidv7()) =>
  envelopeOf(OrderPlaced(dataOf(paymentToken, orderId)));

interface Letter {
  readonly id: string;
  readonly state: string;
  readonly group: string;
  readonly key: string;
}

interface Progress {
  readonly id: string;
  readonly state: string;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly underWay: number;
}

describe('dead letters', () => {
  let url: string;
  let service: TestedService;
  let drop: () => Promise<void>;
  const start = () => startForTest(ProbeModule, { url, variables: { OPS_TOKEN: token } });

  beforeAll(async () => {
    ({ url, drop } = await freshDatabase());
    service = await start();
  });

  afterEach(async () => {
    failing.clear();
    held.clear();
    await service.query('truncate effect, due, dead_letter, dead_letter_audit, dead_letter_replay');
  });

  afterAll(async () => {
    await service.close();
    await drop();
  });

  const ask = async <T = Record<string, unknown>>(path: string, body?: object, authorization = `Bearer ${token}`) => {
    const response = await fetch(`${service.http}/ops/dead-letters${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, body: (await response.json()) as T };
  };

  /** As the store hands it over; `deliver` would wait for all that is due as well. */
  const receive = (envelope: Envelope) => {
    const messaging: Messaging = service.get(MESSAGING as never);
    const { id, type, key } = envelope;
    const topic = topicOf(envelope);
    return messaging.receive([{ id, type, key, topic, ...encode(envelope), redelivered: false, origin: 'test' }]);
  };

  const letters = async (query = '') => (await ask<{ letters: Letter[] }>(query)).body.letters;
  const progress = async (id: string) => (await ask<Progress>(`/replays/${id}`)).body;
  const effects = async () =>
    (await service.query<{ token: string }>('select token from effect order by id')).map((row) => row.token);

  const ended = async (id: string): Promise<Progress> => {
    await eventually(async () => (await progress(id)).state !== 'running', `replay ${id} ended`);
    return progress(id);
  };

  const replayAll = async (request: object = {}) =>
    (await ask<Progress>('/replays', { filter: {}, ratePerSecond: 1_000, ...request })).body;

  /** `count` letters that failed, and would not fail again. */
  const setAside = async (...tokens: readonly (string | [token: string, orderId: string])[]) => {
    for (const one of tokens) {
      const [paymentToken, orderId] = typeof one === 'string' ? [one, uuidv7()] : one;
      failing.set(paymentToken, broken);
      await service.deliver([placed(paymentToken, orderId)]);
      failing.delete(paymentToken);
    }
  };

  describe('as they lie there', () => {
    it('are shown with headers, body, the first and the last error with their stacks', async () => {
      failing.set('odd', () => (failing.set('odd', () => new Hopeless('never')), broken()));
      const order = placed('odd');
      await service.deliver([order]);
      const [line] = await letters();
      expect(line).toMatchObject({
        state: 'open',
        type: 'order.placed',
        key: order.key,
        reason: 'hopeless',
        attempts: 2,
      });
      const { body } = await ask<{ lastError: { stack: string[] } }>(`/${line!.id}`);
      expect(body).toMatchObject({
        messageId: order.id,
        headers: { id: order.id, partitionkey: order.key },
        body: { json: { orderId: order.key, paymentToken: 'odd' } },
        firstError: { message: 'Error: no stock of 12 mugs' },
        lastError: { message: 'Hopeless: never' },
        audit: [],
      });
      expect(body.lastError.stack[0]).toMatch(/^at .*dead-letters\.int-spec/);
      expect(JSON.stringify(body)).toContain('caused by TypeError: nobody counts');
    });

    it('are found by type, key, group, time and state, page by page', async () => {
      await setAside('one', 'two', 'three');
      const [third, second, first] = await letters();
      const ids = async (query: string) => (await letters(`?${query}`)).map(({ id }) => id);
      expect(await ids(`key=${second!.key}`)).toEqual([second!.id]);
      expect(await ids('type=order.eaten')).toEqual([]);
      expect(await ids(`group=${first!.group}&to=${encodeURIComponent(new Date().toISOString())}`)).toHaveLength(3);
      expect(await ids(`from=${encodeURIComponent(new Date(Date.now() + 60_000).toISOString())}`)).toEqual([]);
      expect(await ids('state=replayed')).toEqual([]);
      const page = await ask<{ letters: Letter[]; cursor: string }>('?limit=2');
      expect(page.body.letters.map(({ id }) => id)).toEqual([third!.id, second!.id]);
      expect(await ids(`limit=2&cursor=${page.body.cursor}`)).toEqual([first!.id]);
    });

    it('are grouped by what went wrong', async () => {
      await setAside('one', 'two');
      await service.deliverRaw({ type: 'order.placed' }, Buffer.from('{'));
      const { body } = await ask<{ groups: object[] }>('/groups');
      expect(body.groups).toMatchObject([
        { count: 2, type: 'order.placed', reason: 'out_of_attempts', error: 'Error: no stock of 12 mugs' },
        { count: 1, reason: 'malformed' },
      ]);
    });

    it('are for those with the token only, of this service, and there at all', async () => {
      expect(await ask('', undefined, 'Bearer guessed')).toMatchObject({ status: 401 });
      expect(await ask('/4711')).toMatchObject({ status: 404 });
      expect(await ask('/replays/4711')).toMatchObject({ status: 404 });
      expect(await ask('/4711/replay', { service: 'payment' })).toMatchObject({ status: 409 });
      expect(await ask('?limit=many')).toMatchObject({ status: 400, body: { errors: [{ field: 'limit' }] } });
      expect(await ask('/replays', { filter: {} })).toMatchObject({ status: 404 });
    });
  });

  describe('one replayed', () => {
    it('has its effect, once, and is written down', async () => {
      await setAside('one');
      const [line] = await letters();
      const { status, body } = await ask<{ replay: Progress }>(`/${line!.id}/replay`, { by: 'ada' });
      expect(status).toBe(202);
      expect(await ended(body.replay.id)).toMatchObject({ state: 'done', total: 1, done: 1, failed: 0, underWay: 0 });
      expect(await effects()).toEqual(['one']);
      const { body: whole } = await ask(`/${line!.id}`);
      expect(whole).toMatchObject({ state: 'replayed', audit: [{ action: 'replay', by: 'ada' }] });
      expect(await ask(`/${line!.id}/replay`, {})).toMatchObject({ status: 404 });
    });

    it('that fails again is the same letter, open again', async () => {
      await setAside('one');
      failing.set('one', () => new Hopeless('still not'));
      const [line] = await letters();
      const { body } = await ask<{ replay: Progress }>(`/${line!.id}/replay`, {});
      expect(await ended(body.replay.id)).toMatchObject({ state: 'done', done: 0, failed: 1 });
      expect(await letters('?state=all')).toMatchObject([
        { id: line!.id, state: 'open', timesSeen: 2, reason: 'hopeless', error: 'Hopeless: still not' },
      ]);
    });

    it('has no effect where the inbox handled the message since', async () => {
      const order = placed('one');
      const { headers, body } = encode(order);
      await service.deliverRaw({ ...headers, dataversion: '9' }, body);
      // Now a release knows this version, and the message comes once more by itself.
      await service.query(
        `update dead_letter set headers = replace(headers, '"dataversion":"9"', '"dataversion":"1"')`,
      );
      await service.deliver([order]);
      expect(await ended((await replayAll()).id)).toMatchObject({ done: 1 });
      expect(await effects()).toEqual(['one']);
      const [line] = await letters('?state=replayed');
      const { body: whole } = await ask(`/${line!.id}`);
      expect(whole).toMatchObject({ audit: [{ reason: expect.stringContaining('the inbox knew this message') }] });
    });

    it('that could not be read is claimed, so that the message has no effect when it comes again', async () => {
      const order = placed('one');
      const { headers, body } = encode(order);
      await service.deliverRaw({ ...headers, dataversion: '9' }, body);
      await service.query(
        `update dead_letter set headers = replace(headers, '"dataversion":"9"', '"dataversion":"1"')`,
      );
      expect(await ended((await replayAll()).id)).toMatchObject({ done: 1 });
      await service.deliver([order]);
      expect(await effects()).toEqual(['one']);
    });

    it('that cannot be read yet stays open and claims nothing', async () => {
      const { headers, body } = encode(placed('one'));
      await service.deliverRaw({ ...headers, dataversion: '9' }, body);
      expect(await ended((await replayAll()).id)).toMatchObject({ state: 'stopped_by_canary', failed: 1 });
      expect(await service.query(`select from inbox where message_id = $1`, [headers['id']])).toEqual([]);
      expect(await letters()).toMatchObject([{ reason: 'unknown_version' }]);
    });

    it('whose claim is of a forgotten time has its effect all the same, since the letter is all that was left of it', async () => {
      const { headers, body } = encode({ ...placed('old'), id: uuidv7({ msecs: 1 }) });
      await service.deliverRaw(headers, body);
      expect(await ended((await replayAll()).id)).toMatchObject({ state: 'stopped_by_canary', failed: 1 });
      await service.query('update dead_letter set claimed = true');
      expect(await ended((await replayAll()).id)).toMatchObject({ state: 'done', done: 1 });
      expect(await effects()).toEqual(['old']);
    });
  });

  describe('one edited', () => {
    it('is checked against its type, written down where it differs, and replayed', async () => {
      const order = placed('one');
      const { headers } = encode(order);
      await service.deliverRaw(headers, Buffer.from(JSON.stringify({ ...dataOf('one', order.key), totalCents: -1 })));
      const [line] = await letters();
      const wrong = await ask(`/${line!.id}/edit`, { body: { orderId: order.key } });
      expect(wrong).toMatchObject({ status: 422, body: { errors: [{ field: 'body' }] } });
      const other = await ask(`/${line!.id}/edit`, { body: dataOf('one', uuidv7()) });
      expect(other).toMatchObject({ status: 422, body: { errors: [{ message: /it would lose its place/ }] } });
      const diff = [{ path: '/totalCents', before: -1, after: 1 }];
      const edit = { body: dataOf('one', order.key), by: 'ada' };
      expect((await ask(`/${line!.id}/edit`, { ...edit, dryRun: true })).body).toEqual({ diff });
      expect(await effects()).toEqual([]);
      const { body } = await ask<{ replay: Progress }>(`/${line!.id}/edit`, edit);
      expect(await ended(body.replay.id)).toMatchObject({ done: 1 });
      expect(await effects()).toEqual(['one']);
      expect((await ask(`/${line!.id}`)).body).toMatchObject({
        state: 'replayed',
        body: { json: { totalCents: 1 } },
        originalBody: { json: { totalCents: -1 } },
        audit: [{ action: 'edit', by: 'ada', diff }, { action: 'replay' }],
      });
    });
  });

  describe('one discarded', () => {
    it('is closed with the reason, and replayed no more', async () => {
      await setAside('one');
      const [line] = await letters();
      expect(await ask(`/${line!.id}/discard`, {})).toMatchObject({
        status: 400,
        body: { errors: [{ field: 'reason' }] },
      });
      const discarded = await ask(`/${line!.id}/discard`, { reason: 'a test order', by: 'ada' });
      expect(discarded).toMatchObject({ status: 200, body: { state: 'discarded' } });
      expect(await ask(`/${line!.id}/discard`, { reason: 'again' })).toMatchObject({ status: 409 });
      expect(await ask(`/${line!.id}/replay`, {})).toMatchObject({ status: 404 });
      expect((await ask(`/${line!.id}`)).body).toMatchObject({
        audit: [{ action: 'discard', reason: 'a test order' }],
      });
    });
  });

  describe('many replayed', () => {
    it('keep their order per key, and the rate', async () => {
      const [a, b] = [uuidv7(), uuidv7()];
      await setAside(['a1', a], ['b1', b], ['a2', a], ['b2', b], ['a3', a], ['b3', b], 'c1', 'd1', 'e1', 'f1', 'g1');
      const { id, total } = await replayAll({ ratePerSecond: 10 });
      expect(total).toBe(11);
      expect(await ended(id)).toMatchObject({ state: 'done', done: 11, failed: 0 });
      const all = await effects();
      expect(all).toHaveLength(11);
      for (const key of ['a', 'b'])
        expect(all.filter((one) => one.startsWith(key))).toEqual(['1', '2', '3'].map((n) => key + n));
      const [row] = await service.query<{ s: number }>(
        'select extract(epoch from max(at) - min(at))::float8 as s from effect',
      );
      expect(row!.s).toBeGreaterThan(0.8);
    });

    it('stop when the first fails again; the rest is as it was', async () => {
      await setAside('one', 'two', 'three');
      failing.set('one', broken);
      const { id } = await replayAll();
      expect(await ended(id)).toMatchObject({ state: 'stopped_by_canary', total: 3, done: 0, failed: 1 });
      expect(await effects()).toEqual([]);
      expect((await letters()).map(({ state }) => state)).toEqual(['open', 'open', 'open']);
      failing.clear();
      expect(await ended((await replayAll()).id)).toMatchObject({ state: 'done', done: 3 });
    });

    it('wait for the first, and go on after a failure of another', async () => {
      await setAside('one', 'two', 'three');
      const gate = Promise.withResolvers<void>();
      held.set('one', gate.promise);
      failing.set('two', () => new Hopeless('never'));
      const { id } = await replayAll();
      await eventually(async () => (await progress(id)).underWay === 1, 'the canary under way');
      expect(await effects()).toEqual([]);
      gate.resolve();
      expect(await ended(id)).toMatchObject({ state: 'done', done: 2, failed: 1 });
      expect(await effects()).toEqual(['one', 'three']);
    });

    it('are in one replay at a time, which is named to whoever begins another', async () => {
      await setAside('one', 'two');
      const gate = Promise.withResolvers<void>();
      held.set('one', gate.promise);
      const { id } = await replayAll();
      const [line] = await letters('?state=replaying');
      for (const again of [await ask('/replays', { filter: {} }), await ask(`/${line!.id}/replay`, {})]) {
        expect(again).toMatchObject({
          status: 409,
          body: { title: expect.stringContaining(`eplay ${id} is running`) },
        });
      }
      expect(await ask(`/${line!.id}/discard`, { reason: 'x' })).toMatchObject({ status: 409 });
      gate.resolve();
      expect(await ended(id)).toMatchObject({ done: 2 });
      expect(await effects()).toEqual(['one', 'two']);
    });

    it('leave out what comes after the selection was made', async () => {
      await setAside('one');
      const gate = Promise.withResolvers<void>();
      held.set('one', gate.promise);
      const { id } = await replayAll();
      failing.set('two', () => new Hopeless('not now'));
      await receive(placed('two'));
      gate.resolve();
      expect(await ended(id)).toMatchObject({ total: 1, done: 1 });
      expect(await letters()).toHaveLength(1);
    });

    it('can be stopped: what was not handed over is open again', async () => {
      await setAside('one', 'two', 'three');
      const gate = Promise.withResolvers<void>();
      held.set('one', gate.promise);
      const { id } = await replayAll();
      await eventually(async () => (await progress(id)).underWay === 1, 'the canary under way');
      await ask(`/replays/${id}/stop`, {});
      expect(await letters()).toHaveLength(2);
      gate.resolve();
      expect(await ended(id)).toMatchObject({ state: 'stopped', total: 3, done: 1, failed: 0 });
    });

    it('go on after a restart, and once, in however many replicas', async () => {
      await setAside(...Array.from({ length: 30 }, (_, n) => `t${n}`));
      const { id } = await replayAll({ ratePerSecond: 20 });
      await eventually(async () => (await progress(id)).done > 3, 'some done');
      await service.close();
      service = await start();
      const other = await start();
      try {
        expect(await ended(id)).toMatchObject({ state: 'done', total: 30, done: 30, failed: 0 });
      } finally {
        await other.close();
      }
      expect((await effects()).toSorted()).toEqual(Array.from({ length: 30 }, (_, n) => `t${n}`).toSorted());
    });
  });
});
