import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { comesTrue, exists, freePort, isFree } from '../processes/index.js';
import type { AppName } from './apps.js';
import { type Platform, type PlatformOptions, startPlatform } from './index.js';

const fakeApp = `
  import { createServer } from 'node:http';
  if (process.env.WRONG) { console.error('WRONG: is not known'); process.exit(1); }
  const { PORT, DATABASE_URL, STUBBORN } = process.env;
  createServer((request, response) => response.end(JSON.stringify({ status: 'ok', database: DATABASE_URL }))).listen(PORT, '127.0.0.1');
  process.on('SIGTERM', () => { console.log('leaves in order'); if (!STUBBORN) process.exit(0); });
`;

describe('startPlatform', () => {
  let folder: string;
  let entry: string;
  const platforms: Platform[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'farandole-spec-'));
    await chmod(folder, 0o755);
    entry = join(folder, 'app.mjs');
    await writeFile(entry, fakeApp);
  });
  afterEach(async () => {
    for (const platform of platforms.splice(0)) await platform.stop();
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const optionsFor = (names: readonly AppName[], env: Record<string, string> = {}): PlatformOptions => ({
    dataDir: join(folder, 'data'),
    port: 0,
    postgresPort: 0,
    durable: false,
    apps: Object.fromEntries(names.map((name) => [name, { entry, env }])),
  });
  const start = async (options: PlatformOptions) => {
    const platform = await startPlatform(options);
    platforms.push(platform);
    return platform;
  };
  const pidOf = (platform: Platform, app: AppName) => platform.processes.find(({ plan }) => plan.app === app)?.pid ?? 0;

  it('runs each app on its own port and database, and stops all in order', async () => {
    const platform = await start(optionsFor(['order', 'inventory', 'payment-provider']));
    const answer = await (await fetch(platform.url('inventory'))).json();
    expect(answer).toEqual({ status: 'ok', database: platform.databaseUrl('inventory') });
    const pids = [...platform.processes.map(({ pid }) => pid ?? 0), platform.postgres.pid];
    await platform.stop();
    expect(pids.filter(exists)).toEqual([]);
    expect(await readFile(join(folder, 'data', 'logs', 'order.log'), 'utf8')).toBe('leaves in order\n');
    expect(await readdir(join(folder, 'data', 'run'))).toEqual([]);
  });

  it('starts an app again that was killed, and says so in one line', async () => {
    const lines: string[] = [];
    const platform = await start({ ...optionsFor(['order']), report: (line) => lines.push(line) });
    const before = pidOf(platform, 'order');
    await platform.kill('order');
    await platform.ready('order');
    expect(pidOf(platform, 'order')).not.toBe(before);
    expect(lines).toEqual(['order ended (SIGKILL); it is started again in 0.25 s']);
  });

  it('starts PostgreSQL again that was killed', async () => {
    const lines: string[] = [];
    const platform = await start({ ...optionsFor([]), report: (line) => lines.push(line) });
    await platform.postgres.kill();
    await expect.poll(() => lines, { timeout: 20_000 }).toEqual(['PostgreSQL ended; it was started again']);
    expect(platform.postgres.running).toBe(true);
  });

  it('leaves a killed app alone when it does not supervise, until it is started', async () => {
    const platform = await start({ ...optionsFor(['order']), supervise: false });
    await platform.kill('order');
    expect(await isFree(Number(new URL(platform.url('order')).port))).toBe(true);
    await platform.start('order');
    await platform.ready('order');
  });

  it('runs replicas, and starts later what was not to start at once', async () => {
    const platform = await start({
      ...optionsFor([]),
      apps: { order: { entry, start: false }, inventory: { entry } },
      replicas: new Map([['inventory', 2]]),
    });
    expect(platform.processes.map(({ plan, pid }) => [plan.label, pid !== undefined])).toEqual([
      ['order', false],
      ['inventory', true],
      ['inventory-2', true],
    ]);
    expect(platform.url('inventory', 1)).not.toBe(platform.url('inventory'));
    await platform.start('order');
    await platform.ready('order');
  });

  it('holds an app and lets it go on', async () => {
    const platform = await start(optionsFor(['order']));
    const answers = () =>
      fetch(platform.url('order'), { signal: AbortSignal.timeout(300) }).then(
        (r) => r.ok,
        () => false,
      );
    platform.pause('order');
    expect(await answers()).toBe(false);
    platform.resume('order');
    expect(await comesTrue(answers, 10_000)).toBe(true);
  });

  it('kills an app that does not leave when asked to', async () => {
    const platform = await start(optionsFor(['order'], { STUBBORN: 'yes' }));
    const pid = pidOf(platform, 'order');
    await platform.stop({ withinMs: 200 });
    expect(exists(pid)).toBe(false);
  });

  it('hands on what an app says that cannot start, and leaves nothing running', async () => {
    const options = optionsFor(['order', 'inventory']);
    const apps = { ...options.apps, inventory: { entry, env: { WRONG: 'yes' } } };
    await expect(start({ ...options, apps })).rejects.toThrow('inventory ended (exit code 1): WRONG: is not known');
    expect(await readdir(join(folder, 'data', 'run'))).toEqual([]);
  });

  it('names the port that another program has', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(start({ ...optionsFor(['order']), port })).rejects.toThrow(`port ${port} (for order) is in use`);
    other.close();
  });

  it('refuses to give PostgreSQL the port of an app', async () => {
    const port = await freePort();
    await expect(start({ ...optionsFor(['order']), port, postgresPort: port })).rejects.toThrow(
      `port ${port} would be both that of order and PostgreSQL's`,
    );
  });

  it('refuses a folder that another one uses', async () => {
    await start(optionsFor(['order']));
    await expect(start(optionsFor(['order']))).rejects.toThrow('is in use by another npm start');
  });

  it('names a folder that it cannot write to', async () => {
    const dataDir = join(entry, 'data');
    await expect(start({ ...optionsFor([]), dataDir })).rejects.toThrow(
      `cannot write to the folder ${dataDir} (a file is in its place)`,
    );
  });

  it('ends what a killed launcher left, but no process that was given its pid since', async () => {
    const options = optionsFor(['order']);
    const orphan = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const { identityOf } = await import('../processes/index.js');
    const identity = identityOf(orphan.pid ?? 0);
    const list = [
      { label: 'order', identity },
      { label: 'payment', identity: { pid: stranger.pid, startedAt: 'long ago' } },
    ];
    await writeFile(join(folder, 'data', 'run', 'processes.json'), JSON.stringify(list));
    const lines: string[] = [];
    await start({ ...options, report: (line) => lines.push(line) });
    expect(lines).toEqual(['stopped what an earlier start had left running: order']);
    expect(exists(stranger.pid ?? 0)).toBe(true);
    stranger.kill();
  });
});
