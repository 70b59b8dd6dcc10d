import { v4 as uuidv4, v7 as uuidv7 } from 'uuid';
import { describe, expect, it } from 'vitest';
import { cursorAfter, orderIdIn } from './cursor.js';

describe('a cursor', () => {
  it.each([uuidv7(), uuidv4()])('gives the order back that it was made of', (orderId) => {
    expect(orderIdIn(cursorAfter(orderId))).toBe(orderId);
  });

  it.each([
    '',
    'x',
    uuidv7(),
    Buffer.alloc(16, 0x11).toString('base64url'),
    `${cursorAfter(uuidv7())}=`,
    `${cursorAfter(uuidv7())}A`,
    '%00',
    '👻',
  ])('is not %j', (text) => {
    expect(orderIdIn(text)).toBeUndefined();
  });
});
