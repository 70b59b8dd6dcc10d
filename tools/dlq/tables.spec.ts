import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { diffLines, groupTable, letterTable, whole } from './tables.js';

const now = Date.parse('2026-01-01T12:00:00Z');
const letter = {
  id: '12',
  state: 'open',
  type: 'order.placed',
  key: '019ac3f2-7b1e-7c55-9d3a-2f60c4b1a7e8',
  reason: 'out_of_attempts',
  group: '0f9c1a2b3c4d',
  attempts: 10,
  timesSeen: 2,
  error: 'Error: no stock\nof this mug, and quite a long story about why that is so',
  firstAt: '2026-01-01T11:58:30.000Z',
  lastAt: '2026-01-01T11:59:00.000Z',
};

const plain = stripVTControlCharacters;

describe('tables', () => {
  it('show letters, one a line', () => {
    const older = { ...letter, id: '9', type: null, key: null, firstAt: '2025-12-20T00:00:00Z', error: 'x' };
    expect(plain(letterTable([letter, older], now, 130))).toMatchInlineSnapshot(`
      "id  type          key                                   reason           attempts  age   state  error
      12  order.placed  019ac3f2-7b1e-7c55-9d3a-2f60c4b1a7e8  out_of_attempts        10  90 s  open   Error: no stock of this mug, and …
      9   ?                                                   out_of_attempts        10  13 d  open   x"
    `);
    expect(letterTable([], now)).toBe('There is no such dead letter.');
  });

  it('show groups, one a line', () => {
    const group = { ...letter, count: 1200, sampleId: '12' };
    expect(plain(groupTable([group], now, 110))).toMatchInlineSnapshot(`
      "group         letters  type          reason           oldest  newest  sample  error
      0f9c1a2b3c4d     1200  order.placed  out_of_attempts  90 s    60 s        12  Error: no stock of this mug, an…"
    `);
    expect(groupTable([], now)).toBe('There is no open dead letter.');
  });
});

it('a whole letter is told with errors and what was done', () => {
  const told = whole({
    ...letter,
    messageId: 'm',
    origin: 'inventory.2 #7',
    headers: { id: 'm' },
    body: { json: { orderId: 'a' } },
    firstError: { message: 'Error: first', stack: ['at here'] },
    lastError: { message: letter.error },
    audit: [
      {
        action: 'edit',
        at: letter.lastAt,
        by: 'ada',
        reason: null,
        replayId: null,
        diff: [{ path: '/orderId', before: 'b', after: 'a' }],
      },
      { action: 'replay', at: letter.lastAt, by: 'ada', reason: null, replayId: '3', diff: null },
    ],
  });
  expect(plain(told)).toMatchInlineSnapshot(`
    "dead letter 12  open, out_of_attempts after 10 attempts, seen 2 times
    order.placed  key 019ac3f2-7b1e-7c55-9d3a-2f60c4b1a7e8  group 0f9c1a2b3c4d
    first 2026-01-01T11:58:30.000Z  last 2026-01-01T11:59:00.000Z  from inventory.2 #7

    headers
      id: m

    body
      {
        "orderId": "a"
      }

    first error
      Error: first
        at here

    last error
      Error: no stock
      of this mug, and quite a long story about why that is so

    what was done
      2026-01-01T11:59:00.000Z  ada  edit
        /orderId
        - "b"
        + "a"
      2026-01-01T11:59:00.000Z  ada  replay 3"
  `);
});

it('a diff shows what was and what will be', () => {
  expect(
    plain(
      diffLines([
        { path: '/a', before: 1, after: 2 },
        { path: '', after: [] },
      ]),
    ),
  ).toBe(['/a', '- 1', '+ 2', '(all of it)', '+ []'].join('\n'));
});
