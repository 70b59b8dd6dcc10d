import { setTimeout as pause } from 'node:timers/promises';
import { withClient } from '../../tools/postgres/connect.js';
import { violations } from '../invariants.js';
import type { World } from '../world.js';
import type { Arena } from './arena.js';
import { customersOf } from './customers.js';
import { inflict } from './faults/index.js';
import { inWords, scenarioOf, targetOf, type Step } from './scenario.js';
import { Timeline } from './timeline.js';

export interface Round {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly timeline: readonly string[];
  readonly orders: number;
  /** A sentence each; what could not be put right is one, too. */
  readonly violations: readonly string[];
}

/** Breaks what the seed says while orders are placed, puts all right, waits until every order is settled, and checks what must hold. Tells a line per step. */
export async function playRound(
  arena: Arena,
  seed: number,
  steps: number,
  tell: (line: string) => void = () => undefined,
): Promise<Round> {
  const { world, store, replicas } = arena;
  const scenario = scenarioOf(seed, steps, store.name, replicas);
  const timeline = new Timeline(tell);
  const found: string[] = [];
  let orders: readonly string[] = [];
  await arena.restock();
  const customers = customersOf(world, replicas);

  const note: Note = async (what, work) => {
    const failure = await timeline.note(what, work);
    if (failure !== undefined) found.push(`${what}: ${failure}`);
  };
  await playSteps(scenario, arena, note);
  await note('the last customers get their answers', async () => {
    orders = await customers.leave();
    world.placed.push(...orders);
  });
  await note('all orders settle and are looked at', async () => {
    found.push(...(await violations(world, arena.goods)), ...(await strangersIn(world)));
  });
  return { seed, steps: scenario, timeline: timeline.lines, orders: orders.length, violations: found };
}

type Note = (what: string, work: () => Promise<unknown>) => Promise<void>;

/** Resolves once all of them are undone. */
async function playSteps(scenario: readonly Step[], arena: Arena, note: Note): Promise<void> {
  const broken = new Map<string, Promise<unknown>>();
  for (const step of scenario) {
    const target = targetOf(step.fault);
    await broken.get(target);
    broken.set(
      target,
      note(inWords(step), async () => {
        const undo = await inflict(step.fault, arena);
        await pause(step.forMs);
        await undo();
      }),
    );
    await pause(step.afterMs);
  }
  await Promise.all(broken.values());
}

/** Orders that no customer knows of. */
async function strangersIn({ platform, placed }: World): Promise<string[]> {
  const { rows } = await withClient(platform.databaseUrl('order'), (client) =>
    client.query<{ id: string }>('select id from orders where id <> all($1::uuid[])', [placed]),
  );
  return rows.map(({ id }) => `order ${id} is in the database, and no customer knows of it`);
}
