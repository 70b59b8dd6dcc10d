import { describe, expect, it, vi } from 'vitest';
import { Interrupted, untilInterrupted } from './interrupt.js';

describe('untilInterrupted', () => {
  it('stops what was started, the last first, also when something cannot be stopped', async () => {
    const stopped: string[] = [];
    const work = untilInterrupted(async (start) => {
      await start(
        async () => 'first',
        (one) => stopped.push(one),
      );
      await start(
        async () => 'second',
        (one) => {
          stopped.push(one);
          throw new Error('cannot be stopped, which is told');
        },
      );
      throw new Error('it broke');
    });
    await expect(work).rejects.toThrow('it broke');
    expect(stopped).toEqual(['second', 'first']);
  });

  // The last one: an interruption holds for the whole process.
  it('stops what is just starting when a signal comes, starts nothing more, and goes on listening', async () => {
    const started = Promise.withResolvers<string>();
    const stopped: string[] = [];
    let refused: unknown;
    const work = untilInterrupted(async (start) => {
      await start(
        () => started.promise,
        (one) => stopped.push(one),
      );
      refused = await start(
        async () => 'too late',
        (one) => stopped.push(one),
      ).catch((error: unknown) => error);
    });
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const listeners = process.listenerCount('SIGHUP');
    process.emit('SIGHUP');
    expect(process.listenerCount('SIGHUP')).toBe(listeners);
    expect(told).toHaveBeenCalledWith(expect.stringContaining('once more ends it at once'));
    told.mockRestore();
    started.resolve('slow');
    await expect(work).rejects.toThrow(Interrupted);
    expect(stopped).toEqual(['slow']);
    expect(refused).toBeInstanceOf(Interrupted);
  });
});
