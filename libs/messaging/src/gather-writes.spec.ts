import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { gatherWrites } from './gather-writes.js';

it('hands on what is written in one turn at once, in order, and waits for no other turn', async () => {
  const calls: string[][] = [];
  const stream = new Writable({
    writev(chunks, done) {
      calls.push(chunks.map(({ chunk }) => String(chunk)));
      done();
    },
  });
  gatherWrites(stream);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  expect(['a', 'b', 'c'].map((text) => stream.write(text))).toEqual([true, true, true]);
  await turn();
  for (const text of ['d', 'e']) {
    stream.cork();
    stream.write(text);
    stream.uncork();
  }
  await turn();
  expect(calls).toEqual([
    ['a', 'b', 'c'],
    ['d', 'e'],
  ]);
});

it('leaves nothing behind at the end', async () => {
  let written = '';
  const stream = new Writable({ write: (chunk, _, done) => ((written += String(chunk)), done()) });
  gatherWrites(stream);
  stream.write('a');
  stream.end('b');
  await new Promise((resolve) => stream.once('finish', resolve));
  expect(written).toBe('ab');
});
