import type { DataSource } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freshInboxDatabase } from '../testing/database.js';
import { Claims } from './claims.js';

const DAY_MS = 86_400_000;

describe('Claims', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  const claims = new Claims(7);

  beforeEach(async () => {
    ({ database, close } = await freshInboxDatabase());
    await claims.keepPartitions(database);
  });

  afterEach(() => close?.());

  const message = (id: string = uuidv7()) => ({ id, type: 'order.placed' });

  const partitions = async () =>
    (await database.query<unknown[]>(`select 1 from pg_inherits where inhparent = 'inbox'::regclass`)).length;

  it('claims an id once', async () => {
    const id = uuidv7();
    expect([...(await claims.claim(database.manager, [message(id), message()]))]).toContain(id);
    expect(await claims.claim(database.manager, [message(id)])).toEqual(new Set());
  });

  it('lets a second claimant wait for the first transaction, and have the id when that rolls back', async () => {
    const id = uuidv7();
    const runner = database.createQueryRunner();
    await runner.startTransaction();
    await claims.claim(runner.manager, [message(id)]);
    const second = claims.claim(database.manager, [message(id)]);
    await runner.rollbackTransaction();
    await runner.release();
    expect(await second).toEqual(new Set([id]));
  });

  it('keeps a partition per day, and drops those past retention', async () => {
    expect(await partitions()).toBe(10);
    await claims.keepPartitions(database, Date.now() + 3 * DAY_MS);
    expect(await partitions()).toBe(10);
    await claims.keepPartitions(database);
  });

  it('refuses to tell what it covers before there are partitions', () => {
    expect(() => new Claims(7).covers(uuidv7())).toThrow('call keepPartitions() first');
  });

  it('covers ids of the retention only', async () => {
    const at = (msecs: number) => uuidv7({ msecs });
    expect(claims.covers(at(Date.now()))).toBe(true);
    expect(claims.covers(at(Date.now() + 600_000))).toBe(true);
    expect(claims.covers(at(Date.now() - 9 * DAY_MS))).toBe(false);
    expect(claims.covers(at(Date.now() + 9 * DAY_MS))).toBe(false);
  });
});
