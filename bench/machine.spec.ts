import { expect, it } from 'vitest';
import { thisMachine } from './machine.js';

it('tells the version of the PostgreSQL that runs are measured on', async () => {
  expect((await thisMachine()).servers).toEqual({ PostgreSQL: expect.stringMatching(/^17\.\d+$/) });
});
