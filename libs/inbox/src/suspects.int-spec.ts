import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase } from '../../../tools/postgres/testing.js';
import { CreateInbox1700000000002 } from './create-inbox.js';
import { Suspects } from './suspects.js';

describe('Suspects', () => {
  let database: DataSource;
  let drop: () => Promise<void>;

  beforeAll(async () => {
    const fresh = await freshDatabase();
    drop = fresh.drop;
    database = await new DataSource({
      type: 'postgres',
      url: fresh.url,
      migrations: [CreateInbox1700000000002],
    }).initialize();
    await database.runMigrations();
  });

  afterAll(async () => {
    await database.destroy();
    await drop();
  });

  it('counts the processes that a message did not let live', async () => {
    const [killer, innocent] = [randomUUID(), randomUUID()];
    for (let run = 0; run < 3; run++) {
      const suspects = new Suspects(10);
      await suspects.record(database.manager, [killer, innocent]);
      await suspects.clear(database.manager, [innocent]);
    }
    const recorded = await new Suspects(10).begin(database.manager, [killer, innocent]);
    expect(recorded).toEqual(new Map([[killer, 3]]));
  });

  it('counts a process once, however often it tries', async () => {
    const id = randomUUID();
    const suspects = new Suspects(10);
    for (let attempt = 0; attempt < 5; attempt++) await suspects.record(database.manager, [id]);
    expect(await suspects.begin(database.manager, [id])).toEqual(new Map());
    expect(await new Suspects(10).begin(database.manager, [id])).toEqual(new Map([[id, 1]]));
  });

  it('records what is begun together, and forgets it once survived', async () => {
    const [first, second, next] = [randomUUID(), randomUUID(), randomUUID()];
    const suspects = new Suspects(10);
    await suspects.begin(database.manager, [first, second]);
    await suspects.survived(database.manager, [first]);
    await suspects.begin(database.manager, [next]);
    const recorded = await new Suspects(10).begin(database.manager, [first, second, next]);
    expect(recorded).toEqual(
      new Map([
        [second, 1],
        [next, 1],
      ]),
    );
  });

  it('forgets what was survived with the end of the watch', async () => {
    const id = randomUUID();
    const suspects = new Suspects(1);
    await suspects.begin(database.manager, [id]);
    await suspects.survived(database.manager, [id]);
    expect(await new Suspects(1).begin(database.manager, [id])).toEqual(new Map());
  });

  it('watches as many messages as it was told to', async () => {
    const suspects = new Suspects(2);
    await suspects.record(database.manager, [randomUUID(), randomUUID()]);
    expect(suspects.watching).toBe(false);
  });
});
