import type { OutgoingMessage, Publisher } from '#libs/messaging';
import type { Link } from './link.js';
import { append } from './log.js';

/** What one statement stores at most; a single message may be larger. */
const MESSAGES = 1_000;
const BYTES = 4 * 1024 * 1024;

/** One call of `publish`. */
interface Call {
  readonly settled: PromiseWithResolvers<void>;
  missing: number;
  failed: boolean;
}

interface Item {
  readonly message: OutgoingMessage;
  readonly call: Call;
}

/** Stores what overlapping calls publish with one statement at a time: the more calls, the larger the statements. */
export class PostgresPublisher implements Publisher {
  private waiting: Item[] = [];
  private storing: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly link: Link) {}

  async publish(messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.closed) throw new Error('the publisher is closed');
    if (messages.length === 0) return;
    const call: Call = { settled: Promise.withResolvers(), missing: messages.length, failed: false };
    for (const message of messages) this.waiting.push({ message, call });
    this.storing ??= this.storeAll();
    return call.settled.promise;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.storing;
    await this.link.close();
  }

  private async storeAll(): Promise<void> {
    // Calls of the same turn go into one statement.
    await Promise.resolve();
    let rest = this.waiting;
    let at = 0;
    this.waiting = [];
    while (at < rest.length || this.waiting.length > 0) {
      if (at >= rest.length) [rest, at, this.waiting] = [this.waiting, 0, []];
      const end = endOfStatement(rest, at);
      await this.store(rest.slice(at, end).filter(({ call }) => !call.failed));
      at = end;
    }
    this.storing = undefined;
  }

  private async store(items: readonly Item[]): Promise<void> {
    if (items.length === 0) return;
    try {
      await append(
        this.link,
        items.map(({ message }) => message),
      );
      for (const { call } of items) if (--call.missing === 0) call.settled.resolve();
    } catch (error) {
      const byCall = Map.groupBy(items, ({ call }) => call);
      if (isRefused(error) && byCall.size > 1) {
        for (const own of byCall.values()) await this.store(own);
        return;
      }
      for (const call of byCall.keys()) {
        call.failed = true;
        call.settled.reject(error);
      }
    }
  }
}

function endOfStatement(items: readonly Item[], from: number): number {
  let bytes = 0;
  let end = from;
  while (end < items.length && end - from < MESSAGES && bytes < BYTES) bytes += items[end++]?.message.body.length ?? 0;
  return end;
}

/** The data itself is refused (class 22, a NUL in a key say): the other calls of the statement are not to suffer from it. */
function isRefused(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('22');
}
