import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Client } from 'pg';
import { v7 as uuidv7 } from 'uuid';
import { Hopeless } from '#libs/messaging';
import { eventually } from '#libs/messaging/testing';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { broken, DeadLetterProbe, failing, held } from '../testing/dead-letter-probe.js';
import { placed } from '../testing/placed.js';

/** Any number that nobody else takes. */
const GATE = 4_711;

describe('many dead letters replayed', () => {
  let probe: DeadLetterProbe;
  let url: string;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    ({ url, drop } = await freshDatabase());
    probe = await DeadLetterProbe.start(url);
  });
  afterEach(() => probe.clear());
  afterAll(async () => {
    await probe.service.close();
    await drop();
  });

  it('keep their order per key, and the rate', async () => {
    const [a, b] = [uuidv7(), uuidv7()];
    await probe.setAside(
      ['a1', a],
      ['b1', b],
      ['a2', a],
      ['b2', b],
      ['a3', a],
      ['b3', b],
      'c1',
      'd1',
      'e1',
      'f1',
      'g1',
    );
    const { id, total } = await probe.replayAll({ ratePerSecond: 10 });
    expect(total).toBe(11);
    expect(await probe.ended(id)).toMatchObject({ state: 'done', done: 11, failed: 0 });
    const all = await probe.effects();
    expect(all).toHaveLength(11);
    for (const key of ['a', 'b'])
      expect(all.filter((one) => one.startsWith(key))).toEqual(['1', '2', '3'].map((n) => key + n));
    const [row] = await probe.service.query<{ s: number }>(
      'select extract(epoch from max(at) - (select created_at from dead_letter_replay))::float8 as s from effect',
    );
    // The first does not wait; each of the ten behind it waits for 100 ms more.
    expect(row!.s).toBeGreaterThanOrEqual(1);
  });

  it('go on at a rate whose inverse is no exact number', async () => {
    await probe.setAside('one', 'two');
    expect(0.94 * (1 / 0.94)).toBeLessThan(1);
    const { id } = await probe.replayAll({ ratePerSecond: 0.94 });
    expect(await probe.ended(id)).toMatchObject({ state: 'done', done: 2 });
  });

  it('stop when the first fails again; the rest is as it was', async () => {
    await probe.setAside('one', 'two', 'three');
    failing.set('one', broken);
    const { id } = await probe.replayAll();
    expect(await probe.ended(id)).toMatchObject({ state: 'stopped_by_canary', total: 3, done: 0, failed: 1 });
    expect(await probe.effects()).toEqual([]);
    expect((await probe.letters()).map(({ state }) => state)).toEqual(['open', 'open', 'open']);
    failing.clear();
    expect(await probe.ended((await probe.replayAll()).id)).toMatchObject({ state: 'done', done: 3 });
  });

  it('count one that fails again while a step is taken, as at any other time', async () => {
    await probe.setAside('one');
    const gate = Promise.withResolvers<void>();
    held.set('one', gate.promise);
    failing.set('one', () => new Hopeless('never'));
    const { id } = await probe.replayAll();
    await probe.canaryIsUnderWay(id);
    const steps = await holdSteps(url);
    gate.resolve();
    await eventually(async () => (await probe.letters('?state=open')).length === 1, 'it is open again');
    await steps.goOn();
    expect(await probe.ended(id)).toMatchObject({ state: 'stopped_by_canary', total: 1, done: 0, failed: 1 });
  });

  it('wait for the first, and go on after a failure of another', async () => {
    await probe.setAside('one', 'two', 'three');
    const gate = Promise.withResolvers<void>();
    held.set('one', gate.promise);
    failing.set('two', () => new Hopeless('never'));
    const { id } = await probe.replayAll();
    await probe.canaryIsUnderWay(id);
    expect(await probe.effects()).toEqual([]);
    gate.resolve();
    expect(await probe.ended(id)).toMatchObject({ state: 'done', done: 2, failed: 1 });
    expect(await probe.effects()).toEqual(['one', 'three']);
  });

  it('are in one replay at a time, which is named to whoever begins another', async () => {
    await probe.setAside('one', 'two');
    const gate = Promise.withResolvers<void>();
    held.set('one', gate.promise);
    const { id } = await probe.replayAll();
    const [line] = await probe.letters('?state=replaying');
    for (const again of [await probe.ask('/replays', { filter: {} }), await probe.ask(`/${line!.id}/replay`, {})]) {
      expect(again).toMatchObject({
        status: 409,
        body: { title: expect.stringContaining(`eplay ${id} is running`) },
      });
    }
    expect(await probe.ask(`/${line!.id}/discard`, { reason: 'x' })).toMatchObject({ status: 409 });
    gate.resolve();
    expect(await probe.ended(id)).toMatchObject({ done: 2 });
    expect(await probe.effects()).toEqual(['one', 'two']);
  });

  it('leave out what comes after the selection was made', async () => {
    await probe.setAside('one');
    const gate = Promise.withResolvers<void>();
    held.set('one', gate.promise);
    const { id } = await probe.replayAll();
    failing.set('two', () => new Hopeless('not now'));
    await probe.receive(placed('two'));
    gate.resolve();
    expect(await probe.ended(id)).toMatchObject({ total: 1, done: 1 });
    expect(await probe.letters()).toHaveLength(1);
  });

  it('can be stopped: what was not handed over is open again', async () => {
    await probe.setAside('one', 'two', 'three');
    const gate = Promise.withResolvers<void>();
    held.set('one', gate.promise);
    const { id } = await probe.replayAll();
    await probe.canaryIsUnderWay(id);
    await probe.ask(`/replays/${id}/stop`, {});
    expect(await probe.letters()).toHaveLength(2);
    gate.resolve();
    expect(await probe.ended(id)).toMatchObject({ state: 'stopped', total: 3, done: 1, failed: 0 });
  });

  it('go on after a restart, and once, in however many replicas', async () => {
    await probe.setAside(...Array.from({ length: 30 }, (_, n) => `t${n}`));
    const { id } = await probe.replayAll({ ratePerSecond: 20 });
    await eventually(async () => (await probe.progress(id)).done > 3, 'some done');
    await probe.restart();
    const other = await probe.another();
    try {
      expect(await probe.ended(id)).toMatchObject({ state: 'done', total: 30, done: 30, failed: 0 });
    } finally {
      await other.close();
    }
    expect((await probe.effects()).toSorted()).toEqual(Array.from({ length: 30 }, (_, n) => `t${n}`).toSorted());
  });
});

/** Has the next step of a replay wait before it writes down what it found; resolves once one does. */
async function holdSteps(url: string): Promise<{ goOn(): Promise<void> }> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`
    select pg_advisory_lock(${GATE});
    create function wait_at_the_gate() returns trigger language plpgsql as $$
      begin
        perform pg_advisory_lock_shared(${GATE});
        perform pg_advisory_unlock_shared(${GATE});
        return new;
      end $$;
    create trigger gate before update on dead_letter_replay for each row execute function wait_at_the_gate()`);
  const waiting = `select from pg_locks where locktype = 'advisory' and objid = ${GATE} and not granted`;
  await eventually(async () => (await client.query(waiting)).rowCount === 1, 'a step that waits');
  return {
    async goOn() {
      await client.query(`select pg_advisory_unlock(${GATE})`);
      await client.query('drop trigger gate on dead_letter_replay; drop function wait_at_the_gate');
      await client.end();
    },
  };
}
