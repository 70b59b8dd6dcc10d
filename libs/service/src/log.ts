import type { LoggerService } from '@nestjs/common';
import { trace } from '@opentelemetry/api';
import { pino, type DestinationStream, type Logger } from 'pino';
import { pinoPretty } from './pretty.js';
import type { Settings } from './settings.js';

export type Log = Logger;

/** Fields, at any depth, of which a line tells only that they were there. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(['paymentToken', 'email', 'password', 'authorization']);

/** Credentials in addresses, mail addresses and card tokens, wherever in a line they stand: in an error's words, say. */
const SECRETS: readonly (readonly [pattern: RegExp, instead: string])[] = [
  [/:\/\/[^@\s/"]*@/g, '://[redacted]@'],
  [/(?<![\w.+-])[\w.+-]+@[\w-]+(\.[\w-]+)+/g, '[mail]'],
  [/\btok_\w+/g, '[token]'],
  [/\bBearer [\w.~+/-]+=*/g, 'Bearer [redacted]'],
];

const COLLECT_MS = 25;

/** JSON lines; a readable form where people look on, that is on a terminal. */
export function createLog(
  { service, LOG_LEVEL }: Pick<Settings, 'service' | 'LOG_LEVEL'>,
  to: DestinationStream = process.stdout.isTTY ? pinoPretty() : collecting(),
): Log {
  return pino(
    {
      level: LOG_LEVEL,
      base: { service },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: told },
      hooks: { streamWrite: withoutSecrets },
      mixin: () => {
        const span = trace.getActiveSpan()?.spanContext();
        return span ? { trace_id: span.traceId, span_id: span.spanId } : {};
      },
    },
    to,
  );
}

/** Lines of `COLLECT_MS` in one write, since each write costs as much as a line. What is left at the end is written then; `kill -9` loses it. */
function collecting(): DestinationStream & { flushSync(): void } {
  const out = pino.destination({ sync: false, minLength: 4_096 });
  let timer: NodeJS.Timeout | undefined;
  return {
    write(line) {
      out.write(line);
      timer ??= setTimeout(() => {
        timer = undefined;
        out.flush();
      }, COLLECT_MS).unref();
    },
    flushSync: () => out.flushSync(),
  };
}

/** What every secret has in it, found faster than by the patterns: nearly all lines have none. */
const MARKS = ['@', 'tok_', 'Bearer '];
const FIELD_MARKS = [...SECRET_FIELDS].map((field) => `"${field}":`);

function withoutSecrets(line: string): string {
  const kept = FIELD_MARKS.some((mark) => line.includes(mark)) ? withoutSecretFields(line) : line;
  if (!MARKS.some((mark) => kept.includes(mark))) return kept;
  return SECRETS.reduce((text, [pattern, instead]) => text.replace(pattern, instead), kept);
}

function withoutSecretFields(line: string): string {
  const kept: unknown = JSON.parse(line, (field, value: unknown) => (SECRET_FIELDS.has(field) ? '[redacted]' : value));
  return `${JSON.stringify(kept)}\n`;
}

/** Of an error what helps: the database's errors carry the values of the statement and of the row as well. */
function told(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    type: name,
    message,
    stack,
    ...(typeof code === 'string' ? { code } : {}),
    ...(cause === undefined ? {} : { cause: told(cause) }),
  };
}

/** Nest's own lines: what it says of its start is of interest to its developers only. */
export function nestLog(log: Log): LoggerService {
  const say =
    (level: 'debug' | 'warn' | 'error') =>
    (message: unknown, ...rest: unknown[]) => {
      const context = rest.at(-1);
      log[level]({ context: typeof context === 'string' ? context : undefined }, textOf(message));
    };
  return {
    log: say('debug'),
    debug: say('debug'),
    verbose: say('debug'),
    warn: say('warn'),
    error: say('error'),
    fatal: say('error'),
  };
}

function textOf(message: unknown): string {
  return message instanceof Error ? (message.stack ?? message.message) : String(message);
}
