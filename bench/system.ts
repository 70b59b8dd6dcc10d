import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { stockOf, violations } from '../e2e/invariants.js';
import type { Store } from '../e2e/stores.js';
import { type StockView, World } from '../e2e/world.js';
import { startPostgres } from '../tools/postgres/index.js';
import { brokerProcesses } from './cost/processes.js';
import { dataFolder, removeFolder } from './database.js';
import { goOnUnlessInterrupted, type Start } from './interrupt.js';
import { lettersFolder } from './letters.js';
import type { Target } from './load/client.js';
import { type StoreName, stores } from './stores.js';

/** Counts what every statement costs, for the tables of costs and for whoever looks for what to change; and lets the floor's customers in. */
const POSTGRES = {
  shared_preload_libraries: 'pg_stat_statements',
  'pg_stat_statements.track_planning': 'on',
  'pg_stat_statements.max': '5000',
  // The floor's customers have a connection to each of five databases, beside those of the services.
  max_connections: '600',
};

export interface SystemOptions {
  readonly store: StoreName;
  /** For all services. */
  readonly env?: Readonly<Record<string, string>>;
  /** On top of what PostgreSQL is started with anyway. */
  readonly postgres?: Readonly<Record<string, string>>;
}

/** All of Farandole as `npm start` runs it, with a PostgreSQL that loses nothing, on a folder and broker of its own. */
export class System {
  private before: ReadonlyMap<string, StockView> = new Map();

  private constructor(
    private readonly options: SystemOptions,
    private readonly folder: string,
    readonly store: Store,
    /** Pids of the broker, where it is one of its own and its processes can be seen. */
    readonly broker: readonly number[],
    public world: World,
  ) {}

  /** It stops when the run ends. */
  static async start(options: SystemOptions, start: Start): Promise<System> {
    const folder = await start(dataFolder, removeFolder);
    const letters = await start(lettersFolder, removeFolder);
    await symlink(letters, join(folder, 'mail'));
    const others = new Set(brokerProcesses());
    const store = await start(stores[options.store], (started) => started.stop());
    const broker = brokerProcesses().filter((pid) => !others.has(pid));
    const system = await start(
      async () => new System(options, folder, store, broker, await startWorld(folder, store, options)),
      (started) => started.world.stop(false),
    );
    system.before = await stockOf(system.world);
    return system;
  }

  databaseUrl(service: Parameters<World['platform']['databaseUrl']>[0]): string {
    return this.world.platform.databaseUrl(service);
  }

  /** For a load client. */
  get target(): Target {
    return {
      orderUrl: this.world.platform.url('order'),
      orderDatabase: this.databaseUrl('order'),
      placed: (orderId) => void this.world.placed.push(orderId),
    };
  }

  /** Stops all services and starts them with other variables on the same data. */
  async restart(env: Readonly<Record<string, string>>, between: () => Promise<void> = async () => undefined) {
    goOnUnlessInterrupted();
    const { placed } = this.world;
    await this.world.platform.stop();
    await between();
    this.world = await startWorld(this.folder, this.store, { ...this.options, env });
    this.world.placed.push(...placed);
  }

  /** Runs work on the PostgreSQL while no service does. */
  async alone<T>(work: (url: string) => Promise<T>): Promise<T> {
    const postgres = await startDatabase(this.folder, this.options);
    try {
      return await work(postgres.url);
    } finally {
      await postgres.stop();
    }
  }

  /** What must hold and does not, of all orders placed so far; waits until all is at rest. */
  violations(): Promise<string[]> {
    return violations(this.world, this.before);
  }
}

function startDatabase(folder: string, { postgres }: SystemOptions) {
  return startPostgres({
    dataDir: join(folder, 'postgres'),
    port: 0,
    settings: { ...POSTGRES, ...postgres },
  });
}

/** The platform takes over the PostgreSQL that it finds running on its folder, settings and all. */
async function startWorld(folder: string, store: Store, options: SystemOptions): Promise<World> {
  const database = await startDatabase(folder, options);
  try {
    return await World.start(store, { dataDir: folder, durable: true, supervise: false, env: options.env ?? {} });
  } catch (error) {
    await database.stop();
    throw error;
  }
}
