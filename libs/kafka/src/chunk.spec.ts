import { describe, expect, it } from 'vitest';
import { nextChunk, type Call } from './chunk.js';

const message = (size: number) => ({ id: 'i', topic: 't', type: 'x', key: 'k', headers: {}, body: Buffer.alloc(size) });
const call = (...sizes: number[]): Call => ({ messages: sizes.map(message), sent: 0, resolve() {}, reject() {} });

describe('a chunk', () => {
  it('takes calls together, in order', () => {
    const [a, b] = [call(1, 2), call(3)];
    const chunk = nextChunk([a, b]);
    expect(chunk.messages).toEqual([...a.messages, ...b.messages]);
    expect([...chunk.parts]).toEqual([
      [a, 2],
      [b, 1],
    ]);
  });

  it('stays below what the broker takes and goes on where it ended', () => {
    const a = call(500_000, 300_000, 300_000);
    const first = nextChunk([a]);
    expect(first.messages).toHaveLength(2);
    a.sent += first.parts.get(a)!;
    expect(nextChunk([a]).messages).toEqual([a.messages[2]]);
  });

  it('sends a message that is too large alone, so that nobody is refused with it', () => {
    const [small, large, after] = [call(1), call(2_000_000), call(1)];
    expect([...nextChunk([small, large, after]).parts.keys()]).toEqual([small]);
    expect([...nextChunk([large, after]).parts.keys()]).toEqual([large]);
  });
});
