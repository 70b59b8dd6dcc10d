import { expect, it } from 'vitest';
import { openLoop } from './loops.js';

it('sends no more orders at random times once one has failed', async () => {
  let sent = 0;
  const client = {
    async run() {
      if (++sent === 3) throw new Error('refused');
      const now = performance.now();
      return { orderId: String(sent), sentAt: now, acceptedAt: now, settledAt: now };
    },
  };
  await expect(openLoop(client, 20, { rampMs: 0, windowMs: 30_000 }, 1)).rejects.toThrow('refused');
  expect(sent).toBeLessThan(100);
});
