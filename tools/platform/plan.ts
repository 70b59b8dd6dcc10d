import { join } from 'node:path';
import { freePort } from '../processes/index.js';
import { type AppName, builtEntry, defaultPorts, isService, portOffset, repositoryRoot } from './apps.js';
import type { AppPlan } from './app-process.js';
import { opsTokenFor } from './ops-token.js';

export interface AppOptions {
  /** False: not started with the others, but by `start()` later. */
  readonly start?: boolean;
  /** On top of everybody's. */
  readonly env?: Readonly<Record<string, string>>;
  /** The program, instead of the built app. */
  readonly entry?: string;
}

interface PlanOptions {
  readonly port?: number;
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The port of each app's first replica. With 0 as the first port, all are free ones of this moment. */
export async function portsOf(names: readonly AppName[], first: number = defaultPorts.first) {
  const ports = new Map<AppName, number>();
  for (const name of names) ports.set(name, first === 0 ? await unusedPort(ports) : first + portOffset[name]);
  return ports;
}

async function unusedPort(taken: ReadonlyMap<AppName, number>): Promise<number> {
  const port = await freePort();
  return [...taken.values()].includes(port) ? unusedPort(taken) : port;
}

/**
 * One process of an app: its address and its environment, which is the caller's own, but for what the platform must
 * decide: where it listens, which database is its own, and whom to ask for payment.
 */
export async function planApp(
  app: AppName,
  replica: number,
  { env = {}, entry = builtEntry(app) }: AppOptions,
  ports: ReadonlyMap<AppName, number>,
  postgresPort: number,
  options: PlanOptions,
): Promise<AppPlan> {
  const port = replica === 0 ? (ports.get(app) ?? 0) : await freePort();
  const database = (name: string) => `postgres://postgres@127.0.0.1:${postgresPort}/${name}`;
  const complete: NodeJS.ProcessEnv = {
    // Saves an eighth of the CPU time of a start.
    NODE_COMPILE_CACHE: join(repositoryRoot, 'node_modules', '.cache', 'compiled'),
    LOG_DATABASE_URL: database('log'),
    PAYMENT_PROVIDER_URL: `http://127.0.0.1:${ports.get('payment-provider') ?? defaultPorts.first + portOffset['payment-provider']}`,
    MAIL_DIR: join(options.dataDir, 'mail'),
    LEDGER_FILE: join(options.dataDir, 'provider', 'ledger.jsonl'),
    ...inherited(),
    ...options.env,
    ...opsTokenFor({ ...inherited(), ...options.env, ...env }),
    PORT: String(port),
    ...(isService(app) ? { DATABASE_URL: database(app) } : {}),
    ...env,
  };
  return {
    app,
    label: replica > 0 ? `${app}-${replica + 1}` : app,
    entry,
    url: `http://${hostIn(complete)}:${complete['PORT']}`,
    env: complete,
  };
}

/** This process's environment, but for what a test runner sets: that is not one to run services in. */
export function inherited(): NodeJS.ProcessEnv {
  const { NODE_ENV, ...rest } = process.env;
  const own = Object.entries(rest).filter(([name]) => !/^(VITEST|NODE_CHANNEL|NODE_UNIQUE_ID|TEST$)/.test(name));
  return { ...Object.fromEntries(own), ...(NODE_ENV && NODE_ENV !== 'test' ? { NODE_ENV } : {}) };
}

function hostIn({ HOST }: NodeJS.ProcessEnv): string {
  if (!HOST || HOST === '0.0.0.0' || HOST === '::') return '127.0.0.1';
  return HOST.includes(':') ? `[${HOST}]` : HOST;
}
