import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { freePort, isFree, isRunning } from '../processes/index.js';
import { accountToRunAs, reachableBinaries, reachableDataDir } from './account.js';
import { findBinaries } from './binaries.js';
import { createDatabaseAt, urlOf } from './connect.js';
import { prepareDataFolder } from './data-folder.js';
import { PortInUse } from './errors.js';
import { crash, end, launch, type LaunchOptions, pidFileOf, type Postmaster, runningPostmaster } from './postmaster.js';

export interface PostgresOptions {
  /** Made when it is not there. */
  readonly dataDir: string;
  /** 0: any free one, or that of the live instance. */
  readonly port: number;
  /** Settings of postgresql.conf, on top of the defaults. */
  readonly settings?: Record<string, string>;
  /** False: a crash of the machine may lose everything. For data that nobody keeps. */
  readonly durable?: boolean;
  /** Told, in a line each, what differs from what was asked for. */
  readonly notice?: (line: string) => void;
}

export interface RunningPostgres {
  /** `postgres://postgres@127.0.0.1:PORT/postgres` */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Where the data really are. */
  readonly dataDir: string;
  /** Whether the process is there at this moment. */
  readonly running: boolean;
  /** Whether it ran already, left by a launcher that was killed, say. */
  readonly reused: boolean;
  /** Creates it unless it is there; resolves to its url. */
  createDatabase(name: string): Promise<string>;
  /** `kill -9` of the postmaster and its children; resolves once all are gone. `restart()` recovers. */
  kill(): Promise<void>;
  /** Stops it if it runs, starts it on the same port and data; resolves once it answers. */
  restart(): Promise<void>;
  /** Resolves once it is gone; what was committed is on disk. */
  stop(): Promise<void>;
}

const defaults = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '300',
  shared_buffers: '128MB',
  max_wal_size: '512MB',
  jit: 'off',
  // As on any SSD. With the default of 4, tables that are small when a plan is made are read from end to end, also once dead rows have made them large.
  random_page_cost: '1.1',
  log_line_prefix: '%m [%p] %d ',
};

// commits stay synchronous: they survive kill -9 of PostgreSQL, though not of the machine
const careless = { fsync: 'off', full_page_writes: 'off' };

/**
 * Starts PostgreSQL on the data folder, or takes over one that runs on it; resolves once it answers. It outlives Ctrl-C
 * and whoever started it. Rejects with a PostgresStartError, whose message says what to do, and leaves nothing running then.
 */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const { port, settings = {}, durable = true, notice = () => undefined } = options;
  const account = accountToRunAs();
  const [binaries, dataDir] = await Promise.all([
    findBinaries().then((found) => reachableBinaries(found, account)),
    reachableDataDir(resolve(options.dataDir), account, notice),
  ]);
  const launchOptions: Omit<LaunchOptions, 'port'> = {
    dataDir,
    binaries,
    account,
    settings: { ...defaults, ...(durable ? {} : careless), ...settings },
    logFile: `${dataDir}.log`,
  };
  const live = await runningPostmaster(dataDir);
  if (live && (port === 0 || live.port === port)) return new Instance(live, launchOptions, true);
  if (live) await end(live);
  if (port !== 0 && !(await isFree(port))) throw new PortInUse(port);
  await prepareDataFolder(dataDir, { binaries, account, durable });
  return new Instance(await launchOn(port, launchOptions), launchOptions, false);
}

/** Ends a PostgreSQL that runs on the folder, if one does. Resolves to where its data really are. */
export async function endPostgres(folder: string): Promise<string> {
  const dataDir = await reachableDataDir(resolve(folder), accountToRunAs(), () => undefined);
  const live = await runningPostmaster(dataDir);
  if (live) await end(live);
  return dataDir;
}

/** Ends it, and removes the data. */
export async function removePostgres(folder: string): Promise<void> {
  const dataDir = await endPostgres(folder);
  for (const path of [dataDir, `${dataDir}.unfinished`, `${dataDir}.log`])
    await rm(path, { recursive: true, force: true });
}

/** A free port may be taken by somebody else before PostgreSQL listens on it: then another one is tried. */
async function launchOn(port: number, options: Omit<LaunchOptions, 'port'>): Promise<Postmaster> {
  if (port !== 0) return launch({ ...options, port });
  for (let attempt = 1; ; attempt++) {
    try {
      return await launch({ ...options, port: await freePort() });
    } catch (error) {
      if (!(error instanceof PortInUse) || attempt === 5) throw error;
    }
  }
}

class Instance implements RunningPostgres {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;

  constructor(
    private postmaster: Postmaster,
    private readonly options: Omit<LaunchOptions, 'port'>,
    readonly reused: boolean,
  ) {
    this.port = postmaster.port;
    this.url = urlOf(postmaster.port);
    this.dataDir = options.dataDir;
  }

  get pid(): number {
    return this.postmaster.identity.pid;
  }

  get running(): boolean {
    return isRunning(this.postmaster.identity);
  }

  createDatabase(name: string): Promise<string> {
    return createDatabaseAt(this.url, name);
  }

  kill(): Promise<void> {
    return crash(this.postmaster);
  }

  async restart(): Promise<void> {
    // not by stop(): a temporary one removes its folder there
    await end(this.postmaster);
    await rm(pidFileOf(this.dataDir), { force: true });
    this.postmaster = await launch({ ...this.options, port: this.port });
  }

  stop(): Promise<void> {
    return end(this.postmaster);
  }
}
