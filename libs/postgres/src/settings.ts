export interface PostgresSettings {
  /** `postgres://user:password@host:port/database`: best a database of its own. Needs PostgreSQL 14 or later. */
  readonly url: string;
  /** What every service has read is kept this long, for replay. Default: 7 days. */
  readonly retentionMs?: number;
  /** How often old messages are looked for. Default: one minute. */
  readonly purgeEveryMs?: number;
  /** How often the log is read although nobody told of anything new; never more rarely than every 3 s, or every `answerTimeoutMs` where that is less. Default: 500 ms. */
  readonly pollMs?: number;
  /** How long an answer may take before the connection is given up. Default: 10 s. */
  readonly answerTimeoutMs?: number;
}

export const defaults = {
  retentionMs: 7 * 24 * 60 * 60 * 1000,
  purgeEveryMs: 60_000,
  pollMs: 500,
  answerTimeoutMs: 10_000,
} as const;
