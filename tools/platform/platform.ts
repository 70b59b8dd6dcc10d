import { join, resolve } from 'node:path';
import { isFree } from '../processes/index.js';
import {
  endPostgres,
  PortInUse,
  type PostgresOptions,
  type RunningPostgres,
  startPostgres,
} from '../postgres/index.js';
import { AppProcess } from './app-process.js';
import { type AppName, apps, defaultPorts, isService, type ServiceName, services } from './apps.js';
import { AppPortInUse, Interrupted, PlatformError, PortTakenTwice } from './errors.js';
import { LogFile } from './log-file.js';
import { type AppOptions, planApp, portsOf } from './plan.js';
import { superviseDatabase } from './supervise-database.js';
import { RunFolder } from './run-folder.js';

export interface PlatformOptions {
  /** Holds the databases, mails, logs and the provider's ledger; made when it is not there. */
  readonly dataDir: string;
  /** That of the order service, from which the others are counted (3001 by default); 0: all ports are free ones. */
  readonly port?: number;
  /** 54329 by default; 0: a free one. */
  readonly postgresPort?: number;
  /** For all apps, on top of this process's own environment: `{ TRANSPORT: 'kafka', KAFKA_BROKERS: … }`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Which apps, and what is special about each; all six by default. */
  readonly apps?: Readonly<Partial<Record<AppName, AppOptions>>>;
  /** These are left out: somebody else runs them. */
  readonly except?: readonly AppName[];
  /** How many processes of an app, 1 unless told; the further ones listen on free ports. */
  readonly replicas?: ReadonlyMap<AppName, number>;
  /** Whether an app or a PostgreSQL that dies is started again by itself. True by default. */
  readonly supervise?: boolean;
  /** False: without fsync, for data that nobody keeps. */
  readonly durable?: boolean;
  /** Told, in a line each, what happens by itself. */
  readonly report?: (line: string) => void;
  /** Aborted, the start ends with `Interrupted`, and nothing is left running. */
  readonly signal?: AbortSignal;
}

/** PostgreSQL, the five services and the payment provider, as separate processes. Replicas are counted from 0. */
export interface Platform {
  readonly dataDir: string;
  readonly postgres: RunningPostgres;
  readonly processes: readonly AppProcess[];
  /** `http://127.0.0.1:3001` */
  url(app: AppName, replica?: number): string;
  databaseUrl(service: ServiceName): string;
  /** Starts what is not running of it; resolves once it is ready. */
  start(app: AppName, replica?: number): Promise<void>;
  /** Resolves once it is ready, also when it was started again by itself. */
  ready(app: AppName, replica?: number): Promise<void>;
  /** `kill -9`; resolves once it is gone. Supervised, it is started again by itself. */
  kill(app: AppName, replica?: number): Promise<void>;
  /** In order (SIGTERM) and for good; resolves once it is gone. */
  stopApp(app: AppName, replica?: number): Promise<void>;
  /** Stops it if it runs, starts it; resolves once it is ready. */
  restart(app: AppName, replica?: number): Promise<void>;
  /** SIGSTOP and SIGCONT: it holds its connections and locks, and does nothing. */
  pause(app: AppName, replica?: number): void;
  resume(app: AppName, replica?: number): void;
  /** Stops all in order: services, provider, PostgreSQL. May be called again, with less patience. */
  stop(options?: { readonly withinMs?: number }): Promise<void>;
}

/**
 * Starts all of it from the built apps (`npm run build` before), each on its own database; resolves once all are ready.
 * What a killed launcher left on the same folder is ended first, and its PostgreSQL taken over.
 * Rejects with an error whose message says what to do; nothing is left running then.
 */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const { port, postgresPort = defaultPorts.postgres, supervise = true, durable = true, signal } = options;
  const dataDir = resolve(options.dataDir);
  const report = options.report ?? (() => undefined);
  const chosen = apps.filter((app) => !options.except?.includes(app) && (!options.apps || options.apps[app]));
  const { folder, ended } = await RunFolder.claim(dataDir);
  if (ended.length > 0) report(`stopped what an earlier start had left running: ${ended.join(', ')}`);
  const databaseDir = join(dataDir, 'postgres');
  let platform: RunningPlatform | undefined;
  try {
    const ports = await portsOf(chosen, port);
    for (const [app, one] of ports) {
      if (one === postgresPort) throw new PortTakenTwice(app, one);
      if (!(await isFree(one))) throw new AppPortInUse(app, one);
    }
    const postgres = await startDatabase({
      dataDir: databaseDir,
      port: postgresPort,
      durable,
      notice: report,
    });
    for (const name of [...services, 'log']) await postgres.createDatabase(name);
    const processes: AppProcess[] = [];
    for (const app of chosen) {
      for (let replica = 0; replica < (options.replicas?.get(app) ?? 1); replica++) {
        const plan = await planApp(app, replica, options.apps?.[app] ?? {}, ports, postgres.port, {
          ...options,
          dataDir,
        });
        const log = new LogFile(join(dataDir, 'logs', `${plan.label}.log`));
        processes.push(new AppProcess(plan, { log, folder, supervise, report }));
      }
    }
    platform = new RunningPlatform(dataDir, postgres, processes, folder);
    await platform.startAll(({ plan }) => options.apps?.[plan.app]?.start !== false, signal);
    if (supervise) platform.endSupervision = superviseDatabase(postgres, report);
    return platform;
  } catch (error) {
    if (platform) await platform.stop();
    else {
      await endPostgres(databaseDir).catch(() => undefined);
      folder.release();
    }
    throw error;
  }
}

/** On behalf of the person at the terminal, who knows the option by its name. */
function startDatabase(options: PostgresOptions): Promise<RunningPostgres> {
  return startPostgres(options).catch((error: unknown) => {
    throw error instanceof PortInUse ? new AppPortInUse('PostgreSQL', error.port, '--postgres-port') : error;
  });
}

class RunningPlatform implements Platform {
  endSupervision: (() => Promise<void>) | undefined;
  private stopped: Promise<void> | undefined;

  constructor(
    readonly dataDir: string,
    readonly postgres: RunningPostgres,
    readonly processes: readonly AppProcess[],
    private readonly folder: RunFolder,
  ) {}

  /** The first failure counts: the others are stopped at once, and what they then say is of no interest. */
  async startAll(which: (process: AppProcess) => boolean, signal?: AbortSignal): Promise<void> {
    const interrupted = new Promise<never>((_, reject) => {
      if (signal?.aborted) reject(new Interrupted());
      signal?.addEventListener('abort', () => reject(new Interrupted()), { once: true });
    });
    interrupted.catch(() => undefined);
    await Promise.race([interrupted, Promise.all(this.processes.filter(which).map((one) => one.start()))]);
  }

  url(app: AppName, replica = 0): string {
    return this.process(app, replica).plan.url;
  }

  databaseUrl(service: ServiceName): string {
    return this.process(service, 0).plan.env['DATABASE_URL']!;
  }

  start(app: AppName, replica = 0): Promise<void> {
    return this.process(app, replica).start();
  }

  ready(app: AppName, replica = 0): Promise<void> {
    return this.process(app, replica).ready();
  }

  kill(app: AppName, replica = 0): Promise<void> {
    return this.process(app, replica).kill();
  }

  stopApp(app: AppName, replica = 0): Promise<void> {
    return this.process(app, replica).stop();
  }

  async restart(app: AppName, replica = 0): Promise<void> {
    await this.stopApp(app, replica);
    await this.start(app, replica);
  }

  pause(app: AppName, replica = 0): void {
    this.process(app, replica).pause();
  }

  resume(app: AppName, replica = 0): void {
    this.process(app, replica).resume();
  }

  async stop({ withinMs = 12_000 } = {}): Promise<void> {
    const stopApps = async () => {
      const ofKind = (kind: boolean) => this.processes.filter(({ plan }) => isService(plan.app) === kind);
      await Promise.all(ofKind(true).map((one) => one.stop({ withinMs })));
      // last, since services that finish what they began still ask it
      await Promise.all(ofKind(false).map((one) => one.stop({ withinMs })));
    };
    if (this.stopped) await stopApps();
    this.stopped ??= (async () => {
      await this.endSupervision?.();
      await stopApps();
      await this.postgres.stop();
      this.folder.release();
    })();
    return this.stopped;
  }

  private process(app: AppName, replica: number): AppProcess {
    const found = this.processes.filter(({ plan }) => plan.app === app)[replica];
    if (!found) throw new PlatformError(`${app}, replica ${replica}, is no part of this platform`);
    return found;
  }
}
