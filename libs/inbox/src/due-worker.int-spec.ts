import { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Postponed } from '#libs/messaging';
import { eventually, startProxy, type Proxy } from '#libs/messaging/testing';
import { CreateOutbox1700000000001 } from '#libs/outbox';
import { startTemporaryPostgres, type RunningPostgres } from '../../../tools/postgres/index.js';
import { command, commands } from '../testing/commands.js';
import { handlersOf } from '../testing/handlers.js';
import { handlingParts } from '../testing/parts.js';
import { CreateInbox1700000000002 } from './create-inbox.js';
import { DueTable } from './due.js';
import { DueWorker } from './due-worker.js';

const ATTEMPTS = 3;
const CONCURRENCY = 8;
const POSTGRES = {
  type: 'postgres' as const,
  connectTimeoutMS: 2_000,
  poolErrorHandler: () => undefined,
  migrations: [CreateOutbox1700000000001, CreateInbox1700000000002],
};

describe('due work', () => {
  let server: RunningPostgres;
  let proxy: Proxy;
  /** As the worker sees it, through the proxy. */
  let database: DataSource;
  /** Past the proxy. */
  let onlooker: DataSource;
  let worker: DueWorker;
  const due = new DueTable();
  /** What doing a command comes to, by its key, and what its end comes to. */
  let does: (key: string) => Promise<void>;
  let ends: (key: string) => Promise<void>;

  beforeAll(async () => {
    server = await startTemporaryPostgres();
    proxy = await startProxy(server.port);
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.stop();
  });

  beforeEach(async () => {
    does = async () => undefined;
    ends = async () => undefined;
    const url = new URL(await server.createDatabase(`due_${uuidv7().replaceAll('-', '')}`));
    onlooker = await new DataSource({ ...POSTGRES, url: url.href }).initialize();
    url.port = String(proxy.port);
    database = await new DataSource({ ...POSTGRES, url: url.href }).initialize();
    await database.runMigrations();
    const handlers = handlersOf({ does: (key) => does(key), ends: (key) => ends(key) });
    worker = new DueWorker({
      ...(await handlingParts(database, handlers, ATTEMPTS)),
      concurrency: CONCURRENCY,
    });
  });
  afterEach(async () => {
    await worker.stop();
    await Promise.all([database.destroy(), onlooker.destroy()]);
  });

  const left = async () => (await onlooker.query<object[]>('select from due')).length;
  const done = () =>
    onlooker.query<{ attempts: number; count: number }[]>(
      'select attempts, count(*)::int as count from inbox group by attempts order by attempts',
    );
  const deadLetters = () =>
    onlooker.query<{ key: string; reason: string; attempts: number; last_error: string }[]>(
      'select key, reason, attempts, last_error from dead_letter',
    );
  const allDone = () => eventually(async () => (await left()) === 0, 'nothing is due any more');

  /** As many commands as run beside each other, done at the same moment. */
  const allAtOnce = async () => {
    let begun = 0;
    const gate = Promise.withResolvers<void>();
    does = () => {
      if (++begun === CONCURRENCY) gate.resolve();
      return gate.promise;
    };
    await due.add(database.manager, commands(CONCURRENCY));
    worker.start();
    await allDone();
  };

  it('counts no attempt when the database dies, again and again, amid the commands', async () => {
    let underWay = 0;
    let gate = Promise.withResolvers<void>();
    does = async () => {
      underWay++;
      await gate.promise;
      underWay--;
    };
    const allBegun = () =>
      eventually(
        async () => underWay === Math.min(CONCURRENCY, await left()),
        () => `as many begun as can be, not ${underWay}`,
        30_000,
      );
    await due.add(database.manager, commands(3 * CONCURRENCY));
    worker.start();
    for (let outage = 0; outage <= ATTEMPTS; outage++) {
      await allBegun();
      await server.kill();
      // Some of them get through, later, on a connection that they waited for.
      const opened = gate;
      gate = Promise.withResolvers();
      opened.resolve();
      await server.restart();
    }
    await allBegun();
    gate.resolve();
    await allDone();
    expect(await done()).toEqual([{ attempts: 1, count: 3 * CONCURRENCY }]);
    expect(await deadLetters()).toEqual([]);
  });

  it('counts no attempt when answers of the database get lost, a lease among them', async () => {
    does = () => new Promise((resolve) => setTimeout(resolve, 2));
    await due.add(database.manager, commands(1_500));
    worker.start();
    for (let cuts = 0; cuts < 6; cuts++) {
      const before = await left();
      await eventually(async () => (await left()) < before - 50, 'some progress');
      await proxy.cut();
      await proxy.restore();
    }
    await allDone();
    expect(await done()).toEqual([{ attempts: 1, count: 1_500 }]);
    expect(await deadLetters()).toEqual([]);
  });

  it('takes work up from a worker that is gone, and gives up what that many did not outlive', async () => {
    await due.add(database.manager, [command('survivable'), command('deadly')]);
    const died = (key: string, times: number) =>
      database.query(
        `update due set begun_by = $2::uuid[], leased_by = $3, leased_until = now() - interval '1 s' where key = $1`,
        [key, Array.from({ length: times }, () => uuidv7()), uuidv7()],
      );
    await died('survivable', ATTEMPTS - 1);
    await died('deadly', ATTEMPTS);
    worker.start();
    await allDone();
    expect(await done()).toEqual([{ attempts: ATTEMPTS, count: 1 }]);
    expect(await deadLetters()).toMatchObject([{ key: 'deadly', reason: 'hopeless' }]);
    expect((await deadLetters())[0]?.last_error).toMatch(/ended 3 times/);
  });

  it('runs one at a time what somebody may have died of, beside the others', async () => {
    let [suspects, most, others] = [0, 0, 0];
    does = async (key) => {
      if (key.startsWith('other')) return void others++;
      most = Math.max(most, ++suspects);
      await eventually(() => others === 20, 'the others are done meanwhile');
      suspects--;
    };
    await due.add(database.manager, [...commands(10, 'suspect'), ...commands(20, 'other')]);
    await database.query(
      `update due set begun_by = array[gen_random_uuid()], leased_by = gen_random_uuid(), leased_until = now() - interval '1 s'
       where key like 'suspect%'`,
    );
    worker.start();
    await allDone();
    expect(most).toBe(1);
    expect(await done()).toEqual([
      { attempts: 1, count: 20 },
      { attempts: 2, count: 10 },
    ]);
  });

  it('puts off what cannot succeed now as often as it takes, in the order of its key, and counts no attempt', async () => {
    const order: string[] = [];
    let open = true;
    does = async (key) => {
      if (key.startsWith('free')) return;
      if (open) throw new Postponed('the provider is down', 20);
      order.push(key);
    };
    await due.add(database.manager, [command('held'), command('held'), ...commands(5, 'free')]);
    worker.start();
    await eventually(async () => (await left()) === 2, 'the others are done');
    const dueAt = async () =>
      (await onlooker.query<{ at: Date }[]>('select due_at as at from due order by id limit 1'))[0]?.at.getTime();
    const seen = new Set<number | undefined>();
    await eventually(async () => seen.add(await dueAt()).size > 2 * ATTEMPTS, 'put off many times');
    open = false;
    await allDone();
    expect(order).toEqual(['held', 'held']);
    expect(await done()).toEqual([{ attempts: 1, count: 7 }]);
  });

  describe('told of commands as they are written', () => {
    const write = (...keys: string[]) =>
      database.transaction(async (tx) => {
        const { taken } = await worker.add(tx, keys.map(command));
        return { written: keys.length, taken: await taken };
      });
    /** Nothing waits and the worker has found so, so that it looks again in a second at the earliest. */
    const idle = async () => {
      worker.start();
      await new Promise((resolve) => setTimeout(resolve, 100));
    };

    it('begins them without looking once they are committed, whatever waits of other keys, and no more at once than it may', async () => {
      await due.add(database.manager, [{ ...command('later'), delayMs: 3_600_000 }]);
      await idle();
      const keys = Array.from({ length: 3 * CONCURRENCY }, (_, n) => `key-${n}`);
      let underWay = 0;
      let most = 0;
      does = async () => {
        most = Math.max(most, ++underWay);
        await new Promise((resolve) => setTimeout(resolve, 5));
        underWay--;
      };
      const { written, taken } = await write(...keys);
      expect(taken.map(({ key }) => key)).toEqual(keys.slice(0, CONCURRENCY));
      expect(await write('no room')).toMatchObject({ taken: [] });
      worker.committed(written, taken);
      await eventually(async () => (await left()) === 1, 'all but what is due later done');
      expect(most).toBe(CONCURRENCY);
      expect(await done()).toEqual([{ attempts: 1, count: 3 * CONCURRENCY + 1 }]);
    });

    it('keeps the order of a key, within one transaction and across two', async () => {
      await idle();
      const order: string[] = [];
      does = async (key) => void order.push(key);
      const first = await write('same', 'same', 'other');
      const second = await write('same');
      expect([first, second].map(({ taken }) => taken.map(({ key }) => key))).toEqual([['same', 'other'], []]);
      worker.committed(second.written, second.taken);
      expect(order).toEqual([]);
      worker.committed(first.written, first.taken);
      await allDone();
      expect(order).toHaveLength(4);
      expect(await done()).toEqual([{ attempts: 1, count: 4 }]);
    });

    it('does those of a transaction whose commit nobody knows of, and counts nothing', async () => {
      await idle();
      const { taken } = await write('a', 'b');
      worker.failed(taken);
      await allDone();
      expect(await done()).toEqual([{ attempts: 1, count: 2 }]);
    });
  });

  it('ends no other command wrongly when the end of one fails', async () => {
    ends = async (key) => {
      if (key === 'key-5') throw new Error('not today');
    };
    await allAtOnce();
    expect(await done()).toEqual([{ attempts: 1, count: CONCURRENCY - 1 }]);
    expect(await deadLetters()).toMatchObject([{ key: 'key-5', reason: 'out_of_attempts', attempts: ATTEMPTS }]);
  });

  it('begins others while what was done waits for its end', async () => {
    const gate = Promise.withResolvers<void>();
    let begun = 0;
    does = async () => void begun++;
    ends = () => gate.promise;
    await due.add(database.manager, commands(4 * CONCURRENCY));
    worker.start();
    await eventually(async () => begun === 4 * CONCURRENCY, 'all begun, though none has ended');
    expect(await left()).toBe(4 * CONCURRENCY);
    gate.resolve();
    await allDone();
    expect(await done()).toEqual([{ attempts: 1, count: 4 * CONCURRENCY }]);
  });

  it('ends in one transaction what is done at the same time', async () => {
    await allAtOnce();
    const [row] = await onlooker.query<{ transactions: number }[]>(
      'select count(distinct xmin::text)::int as transactions from inbox',
    );
    expect(row?.transactions).toBe(1);
  });

  it.each([
    ['not today', {}],
    ['connect ECONNREFUSED, to whatever it calls', { code: 'ECONNREFUSED' }],
  ])(
    'counts a failure (%s) of a command or of its end, and gives up after as many as allowed',
    async (message, fields) => {
      const failing = () => Promise.reject(Object.assign(new Error(message), fields));
      does = (key) => (key === 'ends' ? Promise.resolve() : failing());
      ends = failing;
      await due.add(database.manager, [...commands(2), command('ends')]);
      worker.start();
      await allDone();
      expect(await deadLetters()).toMatchObject(
        Array.from({ length: 3 }, () => ({ reason: 'out_of_attempts', attempts: ATTEMPTS })),
      );
    },
  );
});
