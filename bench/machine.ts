import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../tools/platform/apps.js';
import { findBinaries } from '../tools/postgres/binaries.js';
import { brokerVersions } from './stores.js';

/** Where and on what a result was measured. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly commit: string;
  readonly packages: Readonly<Record<string, string>>;
  /** Versions of PostgreSQL and the broker; rows of former code do not tell. */
  readonly servers?: Readonly<Record<string, string>>;
}

const PACKAGES = ['@nestjs/core', 'pg', 'typeorm', 'amqplib', 'kafkajs', 'fastify'];

export async function thisMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    commit: commit(),
    packages: Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
    servers: { PostgreSQL: await postgresVersion(), ...brokerVersions },
  };
}

/** As `show server_version` tells it. */
async function postgresVersion(): Promise<string> {
  const { postgres } = await findBinaries();
  return execFileSync(postgres, ['--version'], { encoding: 'utf8' }).trim().replace(/^.* /, '');
}

function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: repositoryRoot, encoding: 'utf8' }).trim();
    const changed = git('status', '--porcelain', '--', 'apps', 'libs') === '' ? '' : ', changed';
    return `${git('rev-parse', '--short', 'HEAD')}${changed}`;
  } catch {
    return 'unknown';
  }
}

function versionOf(name: string): string {
  const manifest = join(repositoryRoot, 'node_modules', name, 'package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}
