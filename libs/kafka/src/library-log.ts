import { logLevel, type LogEntry, type logCreator } from 'kafkajs';
import type { TransportLog } from '#libs/messaging';

/** What to tell people of a line that kafkajs logs. */
export interface Told {
  readonly level: 'warn' | 'debug';
  readonly line: string;
}

/**
 * kafkajs logs each step of its retries, most of them as errors. What follows from those is told once by whoever is affected: the
 * consumer that lost its broker, the publish that was rejected. Left for people is what nobody else can tell them.
 */
export function tell({ namespace, log }: LogEntry): Told {
  const { message } = log;
  if (message.startsWith('Offset out of range, resetting')) {
    const where = `${String(log['topic'])}[${String(log['partition'])}]`;
    return {
      level: 'warn',
      line: `${String(log['groupId'])} was so far behind in ${where} that the broker deleted what it had not read: it goes on with the oldest message left`,
    };
  }
  if (message.startsWith('Failed to execute listener')) return { level: 'warn', line: `kafka: ${message}` };
  return { level: 'debug', line: `kafkajs ${namespace}: ${message}` };
}

/** Remembers the last error, for those of kafkajs' own that do not say what was wrong. */
export class LibraryLog {
  lastError: string | undefined;

  constructor(private readonly log: TransportLog) {}

  readonly creator: logCreator = () => (entry) => {
    if (entry.level === logLevel.ERROR) this.lastError = entry.log.message;
    const told = tell(entry);
    const { timestamp: _, message: __, logger: ___, stack: ____, ...fields } = entry.log;
    this.log[told.level](fields, told.line);
  };
}
