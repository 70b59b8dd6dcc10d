import { describe, expect, it } from 'vitest';
import { errorText, keptError } from './dead-letters-error.js';
import { fingerprintOf } from './dead-letters-fingerprint.js';

class NoStock extends Error {
  override readonly name = 'NoStock';
}

const stack = (line: number, folder = '/srv/app/libs/shop/src', extension = 'ts') =>
  [
    `    at Stock.reserve (file://${folder}/stock.${extension}:${line}:12)`,
    '    at processTicksAndRejections (node:internal/process/task_queues:105:5)',
    '    at PgClient.query (/srv/app/node_modules/pg/lib/client.js:1:1)',
    `    at async ${folder}/reactions.${extension}:7:3`,
  ].join('\n');

const failure = (message: string, of = stack(10)) => ({
  reason: 'out_of_attempts',
  type: 'order.placed',
  error: { message, stack: of },
});

const one = fingerprintOf(failure('Error: order 019ac3f2-7b1e-7c55-9d3a-2f60c4b1a7e8 of ada@example.com lacks 3'));

describe('a fingerprint', () => {
  it('is the same whatever ids, numbers and mail addresses the message names', () => {
    expect(fingerprintOf(failure('Error: order 11111111-7b1e-7c55-9d3a-2f60c4b1a7e8 of bo@x.org lacks 12'))).toBe(one);
  });

  it('is the same where lines moved, or the code lies elsewhere or was built', () => {
    const message = 'Error: order 1 of a@b.cd lacks 2';
    expect(fingerprintOf(failure(message, stack(999)))).toBe(one);
    expect(fingerprintOf(failure(message, stack(10, '/app/dist/libs/shop/src', 'js')))).toBe(one);
  });

  it.each([
    ['another reason', { ...failure('Error: order 1 of a@b.cd lacks 2'), reason: 'hopeless' }],
    ['another type', { ...failure('Error: order 1 of a@b.cd lacks 2'), type: 'order.cancelled' }],
    ['another name', failure('NoStock: order 1 of a@b.cd lacks 2')],
    ['other words', failure('Error: order 1 of a@b.cd wants 2')],
    ['another place', failure('Error: order 1 of a@b.cd lacks 2', '    at charge (/srv/app/pay.ts:1:1)')],
  ])('tells %s apart', (_, other) => {
    expect(fingerprintOf(other)).not.toBe(one);
  });
});

describe('an error that is kept', () => {
  it('has its name, its frames and what caused it', () => {
    const error = new NoStock('none left\nin the shop', { cause: new TypeError('x is not a number') });
    const kept = keptError(errorText(error));
    expect(kept.message).toBe('NoStock: none left\nin the shop');
    expect(kept.stack).toMatch(/^ {4}at .*fingerprint\.spec/);
    expect(kept.stack).toContain('caused by TypeError: x is not a number');
  });

  it('may be any value, and is bounded', () => {
    expect(keptError(errorText('a string\0'))).toEqual({ message: 'a string' });
    expect(errorText(new Error('x'.repeat(100_000))).length).toBe(8_000);
  });
});
