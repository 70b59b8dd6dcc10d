import { expect, it } from 'vitest';
import { thereAndBack } from './floor.js';

it('favours no number on a machine that grows slower', async () => {
  let speed = 100;
  const found = await thereAndBack([8, 16, 32, 64], async () => speed--);
  expect(found).toEqual({ 8: 96.5, 16: 96.5, 32: 96.5, 64: 96.5 });
});
