import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../tools/postgres/connect.js';
import type { ServiceName } from '../tools/platform/apps.js';
import { afterTests } from './after-tests.js';
import { embeddedPostgres } from './stores.js';
import { World } from './world.js';

const program = fileURLToPath(new URL('../dist/tools/invariants/main.js', import.meta.url));

/** The checker is only worth something if it sees what is wrong: a sound system is damaged, a piece at a time. */
describe('npm run check-invariants', () => {
  let world: World;
  let orderId: string;

  beforeAll(async () => {
    world = await World.start(await embeddedPostgres());
    orderId = await world.place();
    await world.place({ country: 'AQ' });
    await world.untilAllSettled();
  });

  afterTests((failed) => world?.stop(failed));

  const check = (...args: string[]) => {
    const databaseUrl = world.platform.databaseUrl('order').replace(/order$/, '{service}');
    const mail = ['--mail-dir', join(world.platform.dataDir, 'mail')];
    const all = [
      '--database-url',
      databaseUrl,
      '--provider-url',
      world.platform.url('payment-provider'),
      ...mail,
      ...args,
    ];
    const env = {
      ...process.env,
      NO_COLOR: '1',
      TRANSPORT: 'postgres',
      LOG_DATABASE_URL: databaseUrl.replace('{service}', 'log'),
    };
    return new Promise<{ code: number; told: string }>((resolve) =>
      execFile(process.execPath, [program, ...all], { env }, (error, stdout, stderr) =>
        resolve({ code: Number(error?.code ?? 0), told: stdout + stderr }),
      ),
    );
  };

  /** What is told while this is so; `undo` makes it good. */
  const damaged = async (service: ServiceName, damage: string, undo: string) => {
    const url = world.platform.databaseUrl(service);
    await withClient(url, (client) => client.query(damage));
    const { code, told } = await check('--within', '0');
    await withClient(url, (client) => client.query(undo));
    expect(code).toBe(1);
    return told;
  };

  it('finds nothing where all is well', async () => {
    expect(await check()).toEqual({ code: 0, told: '✓ all that must hold holds\n' });
  });

  it('finds what was never handled', async () => {
    const told = await damaged(
      'inventory',
      `create table kept as select * from inbox where type = 'shipment.created'; delete from inbox where type = 'shipment.created'`,
      'insert into inbox select * from kept; drop table kept',
    );
    expect(told).toContain(`inventory has not handled shipment.created of ${orderId}`);
  });

  it('finds what was handled in another order than it was stated in', async () => {
    const swap = (sign: string) =>
      `update inbox set handled_at = handled_at ${sign} interval '1 hour' where type = 'order.cancelled'`;
    const told = await damaged('notification', swap('-'), swap('+'));
    expect(told).toMatch(/notification handled order\.cancelled of \S+, \S+, before \S+, which was stated earlier/);
  });

  it('finds what waits', async () => {
    const told = await damaged(
      'payment',
      `insert into due (lane, kind, type, key, headers, body, due_at)
       values ('command:x', 'command', 'payment.charge', 'x', '{}', '', now() + interval '1 hour')`,
      `delete from due where key = 'x'`,
    );
    expect(told).toContain('payment: 1 messages wait as due work');
  });

  it('finds an order that the services tell differently of', async () => {
    const told = await damaged(
      'order',
      `update orders set status = 'cancelled', reason = 'payment_declined' where id = '${orderId}'`,
      `update orders set status = 'completed', reason = null where id = '${orderId}'`,
    );
    const about = `order ${orderId} (cancelled, payment_declined):`;
    for (const what of [
      'refunded 0 times',
      'shipped',
      'the end of its reservation is shipped',
      'letters sent: order_placed, order_shipped',
    ]) {
      expect(told).toContain(`${about} ${what}`);
    }
  });

  it('finds goods that are reserved for nobody', async () => {
    const told = await damaged(
      'inventory',
      `update stock set reserved = 2 where sku = 'mug-red'`,
      `update stock set reserved = 0 where sku = 'mug-red'`,
    );
    expect(told).toContain('mug-red: 2 still reserved');
  });

  it('finds a letter that never went out', async () => {
    const folder = join(world.platform.dataDir, 'mail');
    const [letter] = (await readdir(folder)).filter((file) => file.endsWith('.eml'));
    await rm(join(folder, letter!));
    const { code, told } = await check();
    expect(code).toBe(1);
    expect(told).toMatch(/is recorded as sent, and no mail went out/);
  });

  it('says what is wrong with what it was told', async () => {
    expect((await check('--database-url', 'postgres://host/order')).told).toContain('{service}');
    const { code, told } = await check('--database-url', 'postgres://127.0.0.1:1/{service}');
    expect({ code, told }).toEqual({ code: 1, told: expect.stringContaining('ECONNREFUSED 127.0.0.1:1') });
    expect(await check('--provider-url', 'http://127.0.0.1:1')).toEqual({
      code: 1,
      told: expect.stringMatching(/^the payment provider does not answer at http:\/\/127\.0\.0\.1:1 .*\n$/),
    });
    expect((await check('--mail-dir', join(world.platform.dataDir, 'post'))).told).toContain('no such folder');
  });
});
