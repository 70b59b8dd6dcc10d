import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { look } from './patience.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** All that follows from what has happened. */
const turn = () => vi.advanceTimersByTimeAsync(0);

function slowly() {
  const asked: PromiseWithResolvers<number>[] = [];
  const ask = () => {
    asked.push(Promise.withResolvers());
    return asked.at(-1)!.promise;
  };
  return { asked, looking: look(ask) };
}

it('asks once for all who look meanwhile, and anew afterwards', async () => {
  const { asked, looking } = slowly();
  const both = [looking(), looking()];
  asked[0]!.resolve(1);
  expect(await Promise.all(both)).toEqual([1, 1]);
  const later = looking();
  asked[1]!.resolve(2);
  expect(await later).toBe(2);
});

it('tells an answer that came too late to whoever looks next, once', async () => {
  const { asked, looking } = slowly();
  const tooEarly = looking().catch((error: Error) => error.message);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await tooEarly).toContain('no answer within');
  asked[0]!.resolve(1);
  await turn();
  expect(await looking()).toBe(1);
  const later = looking();
  asked[1]!.resolve(2);
  expect(await later).toBe(2);
});

it('asks anew after an error, also one that came too late', async () => {
  const { asked, looking } = slowly();
  const tooEarly = looking().catch((error: Error) => error.message);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await tooEarly).toContain('no answer within');
  asked[0]!.reject(new Error('gone'));
  await turn();
  const later = looking();
  asked[1]!.resolve(2);
  expect(await later).toBe(2);
});
