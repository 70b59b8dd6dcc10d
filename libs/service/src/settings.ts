import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { choreography } from '#libs/contracts';
import type { ServiceDefinition } from './definition.js';

const port = z.coerce.number('a port, up to 65535').int().min(0).max(65_535);
const millis = z.coerce.number('milliseconds').int().positive();
/** What a batch may be kept waiting, milliseconds. */
const delay = z.coerce.number().int().min(0).max(1_000);
const postgresUrl = z.url({ protocol: /^postgres(ql)?$/, error: 'a URL like postgres://user@host:5432/database' });
const file = z.string().refine(isReadable, 'no file that can be read');
const flag = z.enum(['true', 'false']).transform((value) => value === 'true');

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Names that messages of others are kept under, and one that RabbitMQ's exchange of all events has. */
export function otherGroups(service: string): string[] {
  return [...choreography.map((subscription) => subscription.service), 'events'].filter((name) => name !== service);
}

/** What a consumer group may be called, on every store. */
export const groupName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'lower case letters, digits and hyphens, 63 at most, beginning with a letter');

/** Where a delivery costs more, larger batches are worth a longer wait (“What was tried” of bench/README.md). */
const BEAT_MS = { postgres: 40, rabbitmq: 60, kafka: 80 };

/** Variables of every service. */
const base = (service: ServiceDefinition) =>
  z.object({
    PORT: port.default(service.port),
    /** `localhost` may be two addresses; Fastify would listen at each with a server of its own, and only one of them stop as `endWithAnswers` has it. */
    HOST: z
      .string()
      .default('127.0.0.1')
      .transform((host) => (host === 'localhost' ? '127.0.0.1' : host)),
    DATABASE_URL: postgresUrl.default(`postgres://postgres@127.0.0.1:54329/${service.name}`),
    /** One for a transaction that hangs, one for the renewal that waits for it, one for all else. */
    DATABASE_POOL: z.coerce.number().int().min(3).max(200).default(10),
    TRANSPORT: z.enum(['postgres', 'rabbitmq', 'kafka']).default('postgres'),
    LOG_DATABASE_URL: postgresUrl.default('postgres://postgres@127.0.0.1:54329/log'),
    RABBITMQ_URL: z
      .url({ protocol: /^amqps?$/, error: 'a URL like amqp://user:password@host:5672' })
      .default('amqp://guest:guest@127.0.0.1:5672'),
    RABBITMQ_CA_FILE: file.optional(),
    RABBITMQ_MANAGEMENT_URL: z
      .url({ protocol: /^https?$/, error: 'a URL like http://user:password@host:15672' })
      .optional(),
    RABBITMQ_LANES: z.coerce.number().int().min(1).max(32).default(4),
    KAFKA_BROKERS: z
      .string()
      .regex(/^[^,\s:]+:\d+(,[^,\s:]+:\d+)*$/, 'host:port, several with commas between')
      .default('127.0.0.1:9092'),
    KAFKA_PARTITIONS: z.coerce.number().int().min(1).max(1_000).default(4),
    KAFKA_REPLICATION: z.coerce.number().int().min(1).max(9).default(1),
    KAFKA_COMPRESSION: z.enum(['gzip', 'none']).default('gzip'),
    KAFKA_CA_FILE: file.optional(),
    KAFKA_SSL: flag.default(false),
    KAFKA_SASL_MECHANISM: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
    KAFKA_USERNAME: z.string().optional(),
    KAFKA_PASSWORD: z.string().optional(),
    CONSUMER_GROUP: groupName
      .refine(
        (name) => !otherGroups(service.name).includes(name),
        'another service has this name; choose one of your own',
      )
      .default(service.name),
    BATCH_SIZE: z.coerce.number().int().min(1).max(1_000).default(100),
    BATCH_COMPANY_MS: delay.default(5),
    BATCH_LINGER_MS: delay.default(service.lingerMs ?? 0),
    INBOX_RETENTION_DAYS: z.coerce.number().int().min(1).max(365).default(7),
    COMMAND_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(16),
    RETRY_ATTEMPTS: z.coerce.number().int().min(1).max(1_000).default(10),
    RETRY_BASE_MS: millis.default(200),
    RETRY_CAP_MS: millis.default(30_000),
    REACTION_TIMEOUT_MS: millis.default(30_000),
    /** What a service calls is taken for down when more than this part of the calls failed, … */
    BREAKER_FAILURE_RATE: z.coerce.number('a part of 1').gt(0).lt(1).default(0.5),
    /** … of those within this time, if there were as many; … */
    BREAKER_WINDOW_MS: millis.default(10_000),
    BREAKER_MIN_CALLS: z.coerce.number().int().min(1).max(100_000).default(10),
    /** … it is asked again after the first time, which doubles up to the second. */
    BREAKER_OPEN_MS: millis.default(1_000),
    BREAKER_MAX_OPEN_MS: millis.default(30_000),
    /** No more is taken while more than ten events of the outbox are older, … */
    OUTBOX_MAX_AGE_MS: millis.default(60_000),
    /** … or while there are more events in it, … */
    OUTBOX_MAX_DEPTH: z.coerce.number().int().min(1).max(10_000_000).default(20_000),
    /** … or while so many requests are under way. */
    REQUESTS_MAX_PENDING: z.coerce.number().int().min(1).max(100_000).default(500),
    PUBLISH_BEAT_MS: delay.optional(),
    /** Off while a transport is being left: what is stated stays in the outbox. */
    PUBLISH: flag.default(true),
    MIGRATE_ONLY: flag.default(false),
    /** A folder by which tests have the process die at a point of their choice; see `failPoint` in libs/messaging. */
    FAIL_POINTS: z.string().refine(isFolder, 'a folder that is there').optional(),
    LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
    OPS_TOKEN: z.string().min(16, 'at least 16 characters').optional(),
    RATE_LIMIT_PER_MINUTE: z.coerce.number().int().positive().optional(),
    SHUTDOWN_TIMEOUT_MS: millis.default(10_000),
  });

/** With the default that goes by another variable. */
const variablesOf = (service: ServiceDefinition) =>
  base(service).transform((given) => ({
    ...given,
    PUBLISH_BEAT_MS: given.PUBLISH_BEAT_MS ?? (service.onBeat ? BEAT_MS[given.TRANSPORT] : 0),
  }));

export type Settings = z.output<ReturnType<typeof variablesOf>> & {
  readonly service: string;
  /** Names this process among the replicas of its service. */
  readonly instance: string;
};

/** A variable has a value that cannot be used; nothing was connected or started. */
export class WrongVariables extends Error {
  override readonly name = 'WrongVariables';
}

/**
 * Reads all that a service is told by its environment, once. `NAME_FILE` holds the path of a file with the value of `NAME`.
 * @throws WrongVariables with one line per wrong variable
 */
export function readSettings(
  definition: ServiceDefinition,
  env: NodeJS.ProcessEnv,
): { settings: Settings; variables: unknown } {
  const given = withFiles(env);
  const common = variablesOf(definition).safeParse(given, { error: inWords });
  const own = (definition.variables ?? z.object({})).safeParse(given, { error: inWords });
  if (!common.success || !own.success) {
    const issues = [...(common.error?.issues ?? []), ...(own.error?.issues ?? [])];
    throw new WrongVariables(issues.map((issue) => lineOf(issue, given)).join('\n'));
  }
  const instance = `${hostname()}-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  return { settings: { ...common.data, service: definition.name, instance }, variables: own.data };
}

/** What a variable must be that says no more of it. Its text became NaN where it is none. */
function inWords(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type') return undefined;
  return { number: 'a number', int: 'a whole number' }[String(issue.expected)];
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

function lineOf(issue: z.core.$ZodIssue, given: NodeJS.ProcessEnv): string {
  const name = String(issue.path[0]);
  const secret = /PASSWORD|TOKEN|SECRET|URL/.test(name);
  const value = given[name] === undefined || secret ? '' : ` (it is "${given[name]}")`;
  return `${name}: ${issue.message}${value}`;
}

function withFiles(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const given: NodeJS.ProcessEnv = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === '' || value === undefined) continue;
    if (!name.endsWith('_FILE') || env[name.slice(0, -5)]) {
      given[name] ??= value;
      continue;
    }
    given[name] = value;
    if (!SECRETS.has(name.slice(0, -5))) continue;
    try {
      given[name.slice(0, -5)] = readFileSync(value, 'utf8').trim();
    } catch (error) {
      throw new WrongVariables(`${name}: ${(error as Error).message}`);
    }
  }
  return given;
}

/** What may be kept in files: whatever holds a credential. */
const SECRETS = new Set([
  'DATABASE_URL',
  'LOG_DATABASE_URL',
  'RABBITMQ_URL',
  'RABBITMQ_MANAGEMENT_URL',
  'KAFKA_USERNAME',
  'KAFKA_PASSWORD',
  'OPS_TOKEN',
  'SMTP_URL',
]);
