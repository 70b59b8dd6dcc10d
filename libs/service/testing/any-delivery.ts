import * as fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import type { Envelope } from '#libs/contracts';

/** One delivery: which of the events, told by its own message or by another that says the same, and whether a batch ends here. */
interface Step {
  readonly event: number;
  readonly retold: boolean;
  readonly cut: boolean;
}

/** Each of `count` events at least once, in any order, with duplicates, cut into batches anywhere. */
export function anyOrderOf(count: number): fc.Arbitrary<Step[]> {
  const event = fc.nat({ max: count - 1 });
  const step = fc.record({ event, retold: fc.boolean(), cut: fc.boolean() });
  const once = fc.tuple(...Array.from({ length: count }, (_, at) => step.map((one) => ({ ...one, event: at }))));
  return fc.tuple(once, fc.array(step, { maxLength: count })).chain(([all, duplicates]) => {
    const steps = [...all, ...duplicates];
    return fc.shuffledSubarray(steps, { minLength: steps.length, maxLength: steps.length });
  });
}

/** The batches that `steps` make of `events`. */
export function batchesOf(events: readonly Envelope[], steps: readonly Step[]): Envelope[][] {
  const batches: Envelope[][] = [[]];
  for (const { event, retold, cut } of steps) {
    const told = events[event]!;
    batches.at(-1)!.push(retold ? { ...told, id: uuidv7() } : told);
    if (cut) batches.push([]);
  }
  return batches.filter((batch) => batch.length > 0);
}
