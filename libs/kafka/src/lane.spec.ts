import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '#libs/messaging';
import { Lane, type Fetched, type LaneWork } from './lane.js';

const delivery = (n: number) => ({ id: String(n), redelivered: false }) as Delivery;
const item = (n: number, wanted = true): Fetched => ({
  topic: 't',
  partition: 0,
  offset: String(n),
  size: 10,
  delivery: wanted ? delivery(n) : undefined,
});

function laneOf(work: Partial<LaneWork>, previous = Promise.resolve()) {
  const stopping = new AbortController();
  const settled: string[] = [];
  const lane = new Lane(
    {
      maxBatch: 3,
      handle: async () => {},
      settled: (items) => void settled.push(...items.map(({ offset }) => offset)),
      rejected: () => {},
      room: () => {},
      ...work,
    },
    stopping.signal,
    previous,
  );
  return { lane, settled, stopping };
}

describe('a lane', () => {
  it('hands over at most maxBatch, one batch at a time', async () => {
    const sizes: number[] = [];
    let running = 0;
    const { lane } = laneOf({
      handle: async (batch) => {
        expect(++running).toBe(1);
        sizes.push(batch.length);
        await pause(1);
        running--;
      },
    });
    lane.push([0, 1, 2, 3].map((n) => item(n)));
    lane.push([4, 5, 6].map((n) => item(n)));
    await lane.idle();
    expect(sizes).toEqual([3, 3, 1]);
  });

  it('settles what nobody here reacts to along with the rest, and alone', async () => {
    const handled: string[] = [];
    const { lane, settled } = laneOf({ handle: async (batch) => void handled.push(...batch.map(({ id }) => id)) });
    lane.push([item(0, false), item(1), item(2, false), item(3, false)]);
    await lane.idle();
    lane.push([item(4, false)]);
    await lane.idle();
    expect(handled).toEqual(['1']);
    expect(settled).toEqual(['0', '1', '2', '3', '4']);
  });

  it('goes on after it was given nothing, as from an answer that holds what was read before', async () => {
    const { lane, settled } = laneOf({});
    lane.push([]);
    lane.push([item(0)]);
    await lane.idle();
    lane.push([]);
    lane.push([item(1)]);
    await lane.idle();
    expect(settled).toEqual(['0', '1']);
  });

  it('hands the same batch out again after a rejection, marked, before anything else', async () => {
    const batches: string[] = [];
    const { lane } = laneOf({
      handle: async (batch) => {
        batches.push(batch.map(({ id, redelivered }) => id + (redelivered ? '!' : '')).join());
        if (batches.length === 1) throw new Error('rejected by the test');
      },
    });
    lane.push([0, 1, 2, 3].map((n) => item(n)));
    await lane.idle();
    expect(batches).toEqual(['0,1,2', '0!,1!,2!', '3']);
  });

  it('stops after the running batch and does not settle what was rejected', async () => {
    const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const handle = () => (begun.resolve(), gate.promise);
    const { lane, settled, stopping } = laneOf({ handle });
    lane.push([0, 1, 2, 3].map((n) => item(n)));
    await begun.promise;
    stopping.abort();
    gate.reject(new Error('rejected by the test'));
    await lane.idle();
    expect(settled).toEqual([]);
  });

  it('starts nothing where it is stopped while it waits for what ran before', async () => {
    const previous = Promise.withResolvers<void>();
    const { lane, settled, stopping } = laneOf({}, previous.promise);
    lane.push([item(0)]);
    stopping.abort();
    previous.resolve();
    await lane.idle();
    expect(settled).toEqual([]);
  });

  it('says when it is full, and when there is room again', async () => {
    const gate = Promise.withResolvers<void>();
    let room = 0;
    const { lane } = laneOf({ handle: () => gate.promise, room: () => void room++ });
    lane.push(Array.from({ length: 1_100 }, (_, n) => item(n)));
    expect(lane.full).toBe(true);
    expect(room).toBe(0);
    gate.resolve();
    await lane.idle();
    expect(lane.full).toBe(false);
    expect(room).toBeGreaterThan(0);
  });
});
