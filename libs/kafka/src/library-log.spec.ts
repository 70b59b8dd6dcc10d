import { describe, expect, it } from 'vitest';
import { logLevel } from 'kafkajs';
import { LibraryLog, tell } from './library-log.js';

const entry = (message: string, extra: object = {}, level: logLevel = logLevel.ERROR) => ({
  namespace: 'ConsumerGroup',
  level,
  label: 'ERROR',
  log: { timestamp: '2026-01-01T00:00:00Z', message, ...extra },
});

describe('what kafkajs logs', () => {
  it('keeps its own retries to itself', () => {
    for (const message of [
      'Limiting retries for the idempotent producer may invalidate EoS guarantees',
      'Connection error: connect ECONNREFUSED 127.0.0.1:9092',
      'Response Heartbeat(key: 12, version: 3)',
      'The group is rebalancing, re-joining',
      'Crash: KafkaJSNumberOfRetriesExceeded: no broker',
    ]) {
      expect(tell(entry(message))).toEqual({ level: 'debug', line: `kafkajs ConsumerGroup: ${message}` });
    }
  });

  it('says in one line that messages were deleted unread', () => {
    const lost = { groupId: 'inventory', topic: 'order.events', partition: 2 };
    const { level, line } = tell(entry('Offset out of range, resetting to default offset', lost));
    expect(level).toBe('warn');
    expect(line).toMatch(/^inventory was so far behind in order\.events\[2\] that the broker deleted/);
  });

  it('passes fields on without the stack and remembers the last error', () => {
    const lines: unknown[] = [];
    const note = (fields: object, line: string) => void lines.push([fields, line]);
    const library = new LibraryLog({ debug: note, info: note, warn: note, error: note });
    const write = library.creator(logLevel.INFO);
    write(entry('Connection error', { broker: 'b:1', stack: 'at …' }));
    write(entry('Starting', {}, logLevel.INFO));
    expect(lines[0]).toEqual([{ broker: 'b:1' }, 'kafkajs ConsumerGroup: Connection error']);
    expect(library.lastError).toBe('Connection error');
  });
});
