import type { OutgoingMessage } from '#libs/messaging';
import { sizeOf } from './message.js';

/** One call of `publish`, or what is left of it. */
export interface Call {
  readonly messages: readonly OutgoingMessage[];
  /** How many of them are stored. */
  sent: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

export interface Chunk {
  readonly messages: readonly OutgoingMessage[];
  readonly bytes: number;
  /** How many of the messages belong to which call. */
  readonly parts: ReadonlyMap<Call, number>;
}

/** Below the broker's usual `message.max.bytes` (1 MiB), which holds for all messages that one request stores in one partition. */
export const MOST_BYTES = 900_000;
const mostMessages = 2_000;

/** What to send next: as much as fits, in the order of the calls. A message larger than a chunk goes alone, so that it alone is refused. */
export function nextChunk(calls: readonly Call[], mostBytes = MOST_BYTES): Chunk {
  const messages: OutgoingMessage[] = [];
  const parts = new Map<Call, number>();
  let bytes = 0;
  for (const call of calls) {
    for (let i = call.sent; i < call.messages.length; i++) {
      const message = call.messages[i]!;
      const size = sizeOf(message);
      if (messages.length > 0 && (bytes + size > mostBytes || messages.length >= mostMessages))
        return { messages, bytes, parts };
      messages.push(message);
      bytes += size;
      parts.set(call, (parts.get(call) ?? 0) + 1);
    }
  }
  return { messages, bytes, parts };
}
