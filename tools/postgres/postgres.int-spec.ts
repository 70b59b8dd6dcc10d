import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { chmod } from 'node:fs/promises';
import { exists } from '../processes/index.js';
import { withClient } from './connect.js';
import { PortInUse, type RunningPostgres, startPostgres, startTemporaryPostgres, UnwritableFolder } from './index.js';
import { freshDatabase } from './testing.js';

const query = (url: string, sql: string) => withClient(url, async (client) => (await client.query(sql)).rows);

describe('startPostgres', () => {
  let folder: string;
  const started: RunningPostgres[] = [];
  const start = async (port = 0, dataDir = join(folder, 'data')) => {
    const postgres = await startPostgres({ dataDir, port, durable: false });
    started.push(postgres);
    return postgres;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farandole-spec-'));
    await chmod(folder, 0o755);
  });
  afterEach(async () => {
    for (const postgres of started.splice(0)) await postgres.stop();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('starts in an empty folder, and keeps the data over a stop', async () => {
    const first = await start();
    const url = await first.createDatabase('story');
    await query(url, 'create table line (said text)');
    await query(url, "insert into line values ('été')");
    await first.stop();
    expect(exists(first.pid)).toBe(false);

    const second = await start();
    expect(await query(await second.createDatabase('story'), 'select said from line')).toEqual([{ said: 'été' }]);
  });

  it('takes over the one that runs on the folder already', async () => {
    const first = await start();
    const second = await start();
    expect(second).toMatchObject({ pid: first.pid, port: first.port, reused: true });
  });

  it('moves a running one to the port asked for', async () => {
    const first = await start();
    const { freePort } = await import('../processes/index.js');
    const port = await freePort();
    const second = await start(port);
    expect(second).toMatchObject({ port, reused: false });
    expect(exists(first.pid)).toBe(false);
  });

  it('recovers on the same port after kill -9, with what was committed', async () => {
    const postgres = await start();
    const url = await postgres.createDatabase('crash');
    await query(url, 'create table kept (n int)');
    await postgres.kill();
    expect(exists(postgres.pid)).toBe(false);
    await expect(query(url, 'select 1')).rejects.toThrow();
    await postgres.restart();
    expect(await query(url, 'select * from kept')).toEqual([]);
  });

  it('starts although a crash left a pid file, whose pid is another process by now', async () => {
    const crashed = await start();
    await crashed.kill();
    await writeFile(
      join(crashed.dataDir, 'postmaster.pid'),
      `${process.pid}\n${crashed.dataDir}\n1\n${crashed.port}\n\n\n\n`,
    );
    const next = await start();
    expect(await query(next.url, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('creates one database when several ask for it at once', async () => {
    const postgres = await start();
    const urls = await Promise.all(Array.from({ length: 5 }, () => postgres.createDatabase('shared')));
    expect(new Set(urls).size).toBe(1);
  });

  it('names the port that another program has, and starts nothing', async () => {
    const other = await listen();
    const { port } = other.address() as { port: number };
    await expect(start(port)).rejects.toThrow(new PortInUse(port));
    await new Promise((resolve) => other.close(resolve));
  });

  it('names the folder that it cannot write to', async () => {
    await writeFile(join(folder, 'a-file'), '');
    const dataDir = join(folder, 'a-file', 'data');
    await expect(start(0, dataDir)).rejects.toThrow(UnwritableFolder);
    await expect(start(0, dataDir)).rejects.toThrow(dataDir);
  });
});

describe('startTemporaryPostgres', () => {
  it('leaves nothing behind', async () => {
    const postgres = await startTemporaryPostgres();
    await postgres.stop();
    expect(exists(postgres.pid)).toBe(false);
    await expect(rm(postgres.dataDir)).rejects.toThrow('ENOENT');
  });
});

describe('freshDatabase', () => {
  it('is empty, and dropped while somebody is connected', async () => {
    const database = await freshDatabase();
    await withClient(database.url, async (client) => {
      await client.query('create table anything ()');
      await database.drop();
    });
    await expect(query(database.url, 'select 1')).rejects.toThrow('does not exist');
  });
});

function listen(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
}
