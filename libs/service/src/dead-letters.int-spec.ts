import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { v7 as uuidv7 } from 'uuid';
import { DataSource } from 'typeorm';
import { encode } from '#libs/contracts';
import { DeadLetters } from '#libs/inbox';
import { Hopeless } from '#libs/messaging';
import { eventually } from '#libs/messaging/testing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { broken, DeadLetterProbe, failing, held, type Letter, type Progress } from '../testing/dead-letter-probe.js';
import { dataOf, placed } from '../testing/placed.js';

describe('dead letters', () => {
  let probe: DeadLetterProbe;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const fresh = await freshDatabase();
    drop = fresh.drop;
    probe = await DeadLetterProbe.start(fresh.url);
  });
  afterEach(() => probe.clear());
  afterAll(async () => {
    await probe.service.close();
    await drop();
  });

  describe('as they lie there', () => {
    it('are shown with headers, body, the first and the last error with their stacks', async () => {
      failing.set('odd', () => (failing.set('odd', () => new Hopeless('never')), broken()));
      const order = placed('odd');
      await probe.service.deliver([order]);
      const [line] = await probe.letters();
      expect(line).toMatchObject({
        state: 'open',
        type: 'order.placed',
        key: order.key,
        reason: 'hopeless',
        attempts: 2,
      });
      const { body } = await probe.ask<{ lastError: { stack: string[] } }>(`/${line!.id}`);
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
      await probe.setAside('one', 'two', 'three');
      const [third, second, first] = await probe.letters();
      const ids = async (query: string) => (await probe.letters(`?${query}`)).map(({ id }) => id);
      expect(await ids(`key=${second!.key}`)).toEqual([second!.id]);
      expect(await ids('type=order.eaten')).toEqual([]);
      expect(await ids(`group=${first!.group}&to=${encodeURIComponent(new Date().toISOString())}`)).toHaveLength(3);
      expect(await ids(`from=${encodeURIComponent(new Date(Date.now() + 60_000).toISOString())}`)).toEqual([]);
      expect(await ids('state=replayed')).toEqual([]);
      const page = await probe.ask<{ letters: Letter[]; cursor: string }>('?limit=2');
      expect(page.body.letters.map(({ id }) => id)).toEqual([third!.id, second!.id]);
      expect(await ids(`limit=2&cursor=${page.body.cursor}`)).toEqual([first!.id]);
    });

    it('are grouped by what went wrong', async () => {
      await probe.setAside('one', 'two');
      await probe.service.deliverRaw({ type: 'order.placed' }, Buffer.from('{'));
      const { body } = await probe.ask<{ groups: object[] }>('/groups');
      expect(body.groups).toMatchObject([
        { count: 2, type: 'order.placed', reason: 'out_of_attempts', error: 'Error: no stock of 12 mugs' },
        { count: 1, reason: 'malformed' },
      ]);
    });

    it('are also what the store gave up delivering', async () => {
      await probe.giveUp(placed('one'));
      expect(await probe.letters()).toMatchObject([
        { reason: 'broker', type: 'order.placed', error: 'never settled: inventory.0 #1', attempts: 0 },
      ]);
      expect(await probe.ended((await probe.replayAll()).id)).toMatchObject({ done: 1 });
      expect(await probe.effects()).toEqual(['one']);
    });

    it('stand in the story of their key, with what waits of it', async () => {
      const orderId = uuidv7();
      const [first, second] = [placed('one', orderId), placed('two', orderId)];
      const gate = Promise.withResolvers<void>();
      failing.set('one', () => new Hopeless('never'));
      failing.set('two', () => (failing.delete('two'), held.set('two', gate.promise), broken()));
      await probe.receive(first);
      await probe.receive(second);
      const [line] = await probe.letters();
      const told = async (query: string) => {
        const answer = await fetch(`${probe.service.http}/messages?${query}`);
        return new Map(((await answer.json()) as { id: string }[]).map((one) => [one.id, one]));
      };
      expect(await told(`ids=${uuidv7()}`)).toEqual(new Map());
      expect((await fetch(`${probe.service.http}/messages`)).status).toBe(400);
      expect((await fetch(`${probe.service.http}/messages?key=${orderId}&service=payment`)).status).toBe(409);
      const waiting = await told(`key=${orderId}&service=inventory`);
      expect(await told(`ids=${uuidv7()}&key=${orderId}`)).toEqual(waiting);
      const deadLetter = { id: line!.id, reason: 'hopeless' };
      expect(waiting.get(first.id)).toMatchObject({ type: 'order.placed', handledAt: null, attempts: 1, deadLetter });
      expect(waiting.get(second.id)).toMatchObject({ handledAt: null, attempts: 1, waiting: true });
      gate.resolve();
      await eventually(async () => (await probe.effects()).length === 1, 'the second one handled');
      const handled = await told(`ids=${second.id}&key=${orderId}`);
      expect(handled.get(second.id)).toMatchObject({ attempts: 2, handledAt: expect.stringMatching(/Z$/) as string });
      expect(handled.get(second.id)).not.toHaveProperty('waiting');
    });

    it('are told in the documentation of the API', async () => {
      const api = (await (await fetch(`${probe.service.http}/docs-json`)).json()) as { paths: Record<string, object> };
      const paths = Object.keys(api.paths).filter((path) => path.startsWith('/ops/dead-letters'));
      expect(paths.toSorted()).toEqual(
        [
          '',
          '/groups',
          '/replays',
          '/replays/{id}',
          '/replays/{id}/stop',
          '/{id}',
          '/{id}/discard',
          '/{id}/edit',
          '/{id}/replay',
        ].map((path) => `/ops/dead-letters${path}`),
      );
      expect(api.paths['/ops/dead-letters/{id}/edit']).toHaveProperty(
        'post.requestBody.content.application/json.schema.properties.body',
      );
    });

    it('are for those with the token only, of this service, and there at all', async () => {
      expect(await probe.ask('', undefined, 'Bearer guessed')).toMatchObject({ status: 401 });
      expect(await probe.ask('/4711')).toMatchObject({ status: 404 });
      expect(await probe.ask('/replays/4711')).toMatchObject({ status: 404 });
      expect(await probe.ask('/4711/replay', { service: 'payment' })).toMatchObject({ status: 409 });
      expect(await probe.ask('?limit=many')).toMatchObject({ status: 400, body: { errors: [{ field: 'limit' }] } });
      expect(await probe.ask('/replays', { filter: {} })).toMatchObject({ status: 404 });
    });
  });

  describe('one replayed', () => {
    it('has its effect, once, and is written down', async () => {
      await probe.setAside('one');
      const [line] = await probe.letters();
      const { status, body } = await probe.ask<{ replay: Progress }>(`/${line!.id}/replay`, { by: 'ada' });
      expect(status).toBe(202);
      expect(await probe.ended(body.replay.id)).toMatchObject({
        state: 'done',
        total: 1,
        done: 1,
        failed: 0,
        underWay: 0,
      });
      expect(await probe.effects()).toEqual(['one']);
      const { body: whole } = await probe.ask(`/${line!.id}`);
      expect(whole).toMatchObject({ state: 'replayed', audit: [{ action: 'replay', by: 'ada' }] });
      expect(await probe.ask(`/${line!.id}/replay`, {})).toMatchObject({ status: 404 });
    });

    it('that fails again is the same letter, open again', async () => {
      await probe.setAside('one');
      failing.set('one', () => new Hopeless('still not'));
      const [line] = await probe.letters();
      const { body } = await probe.ask<{ replay: Progress }>(`/${line!.id}/replay`, {});
      expect(await probe.ended(body.replay.id)).toMatchObject({ state: 'done', done: 0, failed: 1 });
      expect(await probe.letters('?state=all')).toMatchObject([
        { id: line!.id, state: 'open', timesSeen: 2, reason: 'hopeless', error: 'Hopeless: still not' },
      ]);
    });

    it('has no effect where the inbox handled the message since', async () => {
      const order = placed('one');
      const { headers, body } = encode(order);
      await probe.service.deliverRaw({ ...headers, dataversion: '9' }, body);
      // Now a release knows this version, and the message comes once more by itself.
      await probe.service.query(
        `update dead_letter set headers = replace(headers, '"dataversion":"9"', '"dataversion":"1"')`,
      );
      await probe.service.deliver([order]);
      expect(await probe.ended((await probe.replayAll()).id)).toMatchObject({ done: 1 });
      expect(await probe.effects()).toEqual(['one']);
      const [line] = await probe.letters('?state=replayed');
      const { body: whole } = await probe.ask(`/${line!.id}`);
      expect(whole).toMatchObject({ audit: [{ reason: expect.stringContaining('the inbox knew this message') }] });
    });

    it('that could not be read is claimed, so that the message has no effect when it comes again', async () => {
      const order = placed('one');
      const { headers, body } = encode(order);
      await probe.service.deliverRaw({ ...headers, dataversion: '9' }, body);
      await probe.service.query(
        `update dead_letter set headers = replace(headers, '"dataversion":"9"', '"dataversion":"1"')`,
      );
      expect(await probe.ended((await probe.replayAll()).id)).toMatchObject({ done: 1 });
      await probe.service.deliver([order]);
      expect(await probe.effects()).toEqual(['one']);
    });

    it.each([
      ['unknown_version', { dataversion: '9' }],
      ['unknown_type', { type: 'order.\0' }],
    ])('that cannot be read yet (%s) stays open and claims nothing', async (reason, unread) => {
      const { headers, body } = encode(placed('one'));
      await probe.service.deliverRaw({ ...headers, ...unread }, body);
      expect(await probe.ended((await probe.replayAll()).id)).toMatchObject({ state: 'stopped_by_canary', failed: 1 });
      expect(await probe.service.query(`select from inbox where message_id = $1`, [headers['id']])).toEqual([]);
      expect(await probe.letters()).toMatchObject([{ reason }]);
    });

    it('whose claim is of a forgotten time has its effect all the same, since the letter is all that was left of it', async () => {
      const { headers, body } = encode({ ...placed('old'), id: uuidv7({ msecs: 1 }) });
      await probe.service.deliverRaw(headers, body);
      expect(await probe.ended((await probe.replayAll()).id)).toMatchObject({ state: 'stopped_by_canary', failed: 1 });
      await probe.service.query('update dead_letter set claimed = true');
      expect(await probe.ended((await probe.replayAll()).id)).toMatchObject({ state: 'done', done: 1 });
      expect(await probe.effects()).toEqual(['old']);
    });
  });

  describe('one edited', () => {
    it('is checked against its type, written down where it differs, and replayed', async () => {
      const order = placed('one');
      const { headers } = encode(order);
      await probe.service.deliverRaw(
        headers,
        Buffer.from(JSON.stringify({ ...dataOf('one', order.key), totalCents: -1 })),
      );
      const [line] = await probe.letters();
      const wrong = await probe.ask(`/${line!.id}/edit`, { body: { orderId: order.key } });
      expect(wrong).toMatchObject({ status: 422, body: { errors: [{ field: 'body' }] } });
      const other = await probe.ask(`/${line!.id}/edit`, { body: dataOf('one', uuidv7()) });
      expect(other).toMatchObject({ status: 422, body: { errors: [{ message: /it would lose its place/ }] } });
      const diff = [{ path: '/totalCents', before: -1, after: 1 }];
      const edit = { body: dataOf('one', order.key), by: 'ada' };
      expect((await probe.ask(`/${line!.id}/edit`, { ...edit, dryRun: true })).body).toEqual({ diff });
      expect(await probe.effects()).toEqual([]);
      const { body } = await probe.ask<{ replay: Progress }>(`/${line!.id}/edit`, edit);
      expect(await probe.ended(body.replay.id)).toMatchObject({ done: 1 });
      expect(await probe.effects()).toEqual(['one']);
      expect((await probe.ask(`/${line!.id}`)).body).toMatchObject({
        state: 'replayed',
        body: { json: { totalCents: 1 } },
        originalBody: { json: { totalCents: -1 } },
        audit: [{ action: 'edit', by: 'ada', diff }, { action: 'replay' }],
      });
    });

    it.each([
      ['no JSON', Buffer.from([0, 1, 2])],
      ['JSON', Buffer.from('{"orderId":"\\u0000"}')],
    ])('whose body holds NUL (%s) is written down where it differs, and replayed', async (_, unfit) => {
      const order = placed('one');
      await probe.service.deliverRaw(encode(order).headers, unfit);
      const [line] = await probe.letters();
      const edit = { body: dataOf('one', order.key) };
      const { body } = await probe.ask<{ diff: object[]; replay: Progress }>(`/${line!.id}/edit`, edit);
      expect(await probe.ended(body.replay.id)).toMatchObject({ done: 1 });
      const whole = await probe.ask(`/${line!.id}`);
      expect(whole.body).toMatchObject({ audit: [{ action: 'edit', diff: body.diff }, { action: 'replay' }] });
      expect(JSON.stringify(body.diff)).toContain('\\u0000');
    });
  });

  describe('one discarded', () => {
    it('is forgotten after a month, with what was done to it', async () => {
      await probe.setAside('one', 'two');
      const [two, one] = await probe.letters();
      await probe.ask(`/${one!.id}/discard`, { reason: 'long ago' });
      await probe.ask(`/${two!.id}/discard`, { reason: 'lately' });
      await probe.service.query(`update dead_letter set closed_at = now() - interval '31 days' where id = $1`, [
        one!.id,
      ]);
      await new DeadLetters().forgetClosed(probe.service.get(DataSource).manager);
      expect(await probe.letters('?state=all')).toMatchObject([{ id: two!.id }]);
      expect(await probe.service.query('select letter_id from dead_letter_audit')).toEqual([{ letter_id: two!.id }]);
    });

    it('is closed with the reason, and replayed no more', async () => {
      await probe.setAside('one');
      const [line] = await probe.letters();
      expect(await probe.ask(`/${line!.id}/discard`, {})).toMatchObject({
        status: 400,
        body: { errors: [{ field: 'reason' }] },
      });
      const discarded = await probe.ask(`/${line!.id}/discard`, { reason: 'a test order', by: 'ada' });
      expect(discarded).toMatchObject({ status: 200, body: { state: 'discarded' } });
      expect(await probe.ask(`/${line!.id}/discard`, { reason: 'again' })).toMatchObject({ status: 409 });
      expect(await probe.ask(`/${line!.id}/replay`, {})).toMatchObject({ status: 404 });
      expect((await probe.ask(`/${line!.id}`)).body).toMatchObject({
        audit: [{ action: 'discard', reason: 'a test order' }],
      });
      const told = await fetch(`${probe.service.http}/messages?key=${line!.key}`);
      expect(await told.json()).toMatchObject([{ handledAt: null, deadLetter: { id: line!.id, reason: 'discarded' } }]);
    });
  });
});
