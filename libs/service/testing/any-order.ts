import * as fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { expect } from 'vitest';
import type { Envelope, EventType, Stated } from '#libs/contracts';
import { anyOrderOf, batchesOf } from './any-delivery.js';
import { envelopeOf } from './envelope-of.js';

/** What a service hears of one order, in the order in which it would hear it on a quiet day. */
export type Story = (orderId: string) => readonly Stated<EventType>[];

interface Listener {
  deliver(batch: readonly Envelope[]): Promise<void>;
  stated(): Promise<readonly Envelope[]>;
  query(sql: string): Promise<unknown>;
}

interface Question {
  readonly stories: Readonly<Record<string, Story>>;
  /** What the service has to say of an order in the end. */
  readonly stateOf: (orderId: string) => Promise<unknown>;
  /** Fields that differ from order to order: ids that the service or others give, times. */
  readonly differing: readonly string[];
  readonly runs: number;
}

/**
 * Tells stories of several orders at once, with duplicates, in any order, cut into batches anywhere. Resolves when each
 * order ended as its story ends when told tidily: the same state, the same events stated as often. Rejects with the smallest telling that did not.
 */
export async function endsTheSameInAnyOrder(
  service: Listener,
  { stories, stateOf, differing, runs }: Question,
): Promise<void> {
  const endOf = async (orderId: string) => {
    const stated = (await service.stated()).filter(({ key }) => key === orderId);
    const events = stated.map(({ type, data }) => JSON.stringify([type, data]));
    return alike({ state: await stateOf(orderId), events: events.toSorted().map((event) => JSON.parse(event)) }, [
      ...differing,
      'orderId',
    ]);
  };

  const tidy: Record<string, unknown> = {};
  for (const [name, story] of Object.entries(stories)) {
    const orderId = uuidv7();
    for (const event of story(orderId)) await service.deliver([envelopeOf(event)]);
    tidy[name] = await endOf(orderId);
  }

  const telling = fc.array(fc.constantFrom(...Object.keys(stories)), { minLength: 1, maxLength: 3 }).chain((names) => {
    const count = names.reduce((sum, name) => sum + stories[name]!(uuidv7()).length, 0);
    return fc.record({ names: fc.constant(names), steps: anyOrderOf(count) });
  });
  const property = fc.asyncProperty(telling, async ({ names, steps }) => {
    const orders = names.map((name) => ({ name, orderId: uuidv7() }));
    const envelopes = orders.flatMap(({ name, orderId }) => stories[name]!(orderId).map((event) => envelopeOf(event)));
    await service.query('truncate outbox');
    for (const batch of batchesOf(envelopes, steps)) await service.deliver(batch);
    for (const { name, orderId } of orders) expect({ [name]: await endOf(orderId) }).toEqual({ [name]: tidy[name] });
  });
  await fc.assert(property, { numRuns: runs });
}

function alike(end: unknown, differing: readonly string[]): unknown {
  const named = (name: string, value: unknown) =>
    differing.includes(name) && typeof value === 'string' ? `(${name})` : value;
  return JSON.parse(JSON.stringify(end, named));
}
