import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../tools/postgres/connect.js';
import { eventually } from '#libs/messaging/testing';
import { describeWithDocker } from '../tools/docker/available.js';
import { mailIn } from '../tools/invariants/index.js';
import { developmentToken } from '../tools/platform/index.js';
import { afterTests } from './after-tests.js';
import { PATIENCE_MS } from './patience.js';
import { embeddedPostgres, kafka, rabbitmq, type Store } from './stores.js';
import { World } from './world.js';

const program = fileURLToPath(new URL('../dist/tools/replay/main.js', import.meta.url));
const entry = fileURLToPath(new URL('../dist/apps/notification/src/main.js', import.meta.url));

/** A service gets its past again: by the command line that people use, with its own inbox and with an empty one. */
function describeReplay(name: string, startStore: () => Promise<Store>): void {
  describe(`a replay on ${name}`, () => {
    let store: Store;
    let world: World;

    beforeAll(async () => {
      expect(existsSync(program)).toBe(true);
      store = await startStore();
      world = await World.start(store);
      await world.placeMany(5, () => ({}));
      await world.untilAllSettled();
      await eventually(async () => (await letters()).length === 10, 'two letters per order', PATIENCE_MS);
    });

    afterTests(async (failed) => {
      await world?.stop(failed);
      await store?.stop();
    });

    const database = () => world.platform.databaseUrl('notification');
    const letters = () => mailIn(join(world.platform.dataDir, 'mail'));
    const lettersOnceAllAreSent = async () => {
      const due = () => count(database(), 'select count(*)::int as n from due');
      await eventually(async () => (await due()) === 0, 'no more letters to send', PATIENCE_MS);
      return letters();
    };
    const replay = (...args: string[]) =>
      run(program, ['--service', 'notification', '--url', world.platform.url('notification'), ...args]);
    const answer = async (...args: string[]) => {
      const { stdout, stderr } = await replay(...args);
      expect(stderr).toBe('');
      return stdout;
    };

    it('says what would be handed over, and that the inbox knows it', async () => {
      const told = await answer('--from', '2020-01-01T00:00Z', '--dry-run');
      // As many as are stored: who got no confirm in time has published one twice.
      expect(told).toMatch(/order\.placed +(\d+) +0 +\1\n/);
      expect(told).toMatch(/shipment\.created +(\d+) +0 +\1\n/);
      expect(told).toMatch(/The inbox of notification knows \d+ messages already/);
    });

    it('sends no second letter', async () => {
      expect(await answer('--from', '2020-01-01')).toContain('Nothing was handed over.');
      expect(await lettersOnceAllAreSent()).toHaveLength(10);
    });

    it('gives back what the database lost, and sends no second letter then either', async () => {
      await execute(database(), `delete from inbox where type = 'shipment.created'`);
      expect(await answer('--from', '2020-01-01')).toMatch(/shipment\.created +\d+ +5 +\d+\n/);
      expect(await answer('--from', '2020-01-01')).toContain('Nothing was handed over.');
      expect(await lettersOnceAllAreSent()).toHaveLength(10);
    });

    it('gives all of it to a new group, with a database of its own, and goes on from there', async () => {
      const told = await answer('--from', '2020-01-01', '--as-new', 'notification-again');
      expect(told).toMatch(/\d+ messages wait for the new consumer group notification-again/);
      expect(told).toContain('CONSUMER_GROUP=notification-again DATABASE_URL=');
      const url = await world.platform.postgres.createDatabase('notification_again');
      const { plan } = world.platform.processes.find(({ plan: { app } }) => app === 'notification')!;
      const env = { ...plan.env, PORT: '0', DATABASE_URL: url, CONSUMER_GROUP: 'notification-again' };
      const running = execFile(process.execPath, [entry], { env });
      try {
        const handled = `select count(*)::int as n from inbox where type in ('order.placed', 'shipment.created')`;
        const handledAnew = async () => (await count(url, handled).catch(() => 0)) === 10;
        await eventually(handledAnew, 'all messages handled anew', PATIENCE_MS);
        const orderId = await world.place();
        await world.until(orderId, 'settled');
        await eventually(async () => (await count(url, handled)) === 12, 'what was stated later', PATIENCE_MS);
        expect(await count(url, 'select count(*)::int as n from dead_letter')).toBe(0);
      } finally {
        const ended = new Promise((resolve) => running.once('exit', resolve));
        running.kill('SIGTERM');
        await ended;
      }
      const taken = await replay('--from', '2020-01-01', '--as-new', 'notification-again');
      expect(taken.stderr).toMatch(
        /^notification at .*: --as-new: there is a consumer group notification-again already/,
      );
    });

    it('says in one line what is wrong with the command', async () => {
      const wrong = [
        [['--from', 'yesterday'], "'--from <time>'"],
        [['--from', '2020-01-01', '--service', 'billing'], "'--service <name>'"],
        [['--from', '2020-01-01', '--as-new', 'payment'], '--as-new: payment is the name of a service'],
        [['--from', '2020-01-01', '--as-new', 'Again'], "'--as-new <group>'"],
        [['--from', '2020-01-01', '--url', world.platform.url('payment')], 'This is payment, not notification'],
        [['--from', '2020-01-01', '--url', 'http://127.0.0.1:9'], 'does not answer at http://127.0.0.1:9'],
      ] as const;
      for (const [args, told] of wrong) {
        const { code, stdout, stderr } = await replay(...args);
        expect({ code, stdout, lines: stderr.trim().split('\n').length }).toEqual({ code: 1, stdout: '', lines: 1 });
        expect(stderr).toContain(told);
      }
      const args = ['--service', 'notification', '--url', world.platform.url('notification'), '--from', '2020-01-01'];
      const { stderr } = await run(program, args, { OPS_TOKEN: `not ${developmentToken}` });
      expect(stderr).toContain('OPS_TOKEN is not the one');
    });
  });
}

describeReplay('postgres', embeddedPostgres);
await describeWithDocker('replays on brokers', () => {
  describeReplay('rabbitmq', rabbitmq);
  describeReplay('kafka', kafka);
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(file: string, args: readonly string[], variables: Record<string, string> = {}): Promise<Ended> {
  const { OPS_TOKEN: _, FORCE_COLOR: __, ...rest } = process.env;
  const env = { ...rest, NO_COLOR: '1', ...variables };
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

async function count(url: string, sql: string): Promise<number> {
  const [row] = await execute<{ n: number }>(url, sql);
  return row?.n ?? 0;
}

async function execute<Row extends object>(url: string, sql: string): Promise<Row[]> {
  return withClient(url, async (client) => (await client.query<Row>(sql)).rows);
}
