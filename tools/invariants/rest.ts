import { setTimeout as pause } from 'node:timers/promises';
import type { Transport } from '#libs/messaging';
import { services } from '../platform/apps.js';
import type { Databases } from './databases.js';
import { flowOf, type Flow } from './messages.js';
import { NotChecked, reasonOf } from './reach.js';

export interface Patience {
  /** Messages stored before do not count. */
  readonly from: Date;
  readonly withinMs: number;
}

/** What there still is to do, a sentence each; and how many events were ever stated, by which it shows whether more came meanwhile. */
interface Work {
  readonly left: readonly string[];
  readonly stated: number;
}

/**
 * Resolves once nothing is under way: every order is settled, every stated event handled or set aside by each service that reacts to
 * it, and nothing waits. When that takes too long, resolves with what is left among the violations.
 */
export async function atRest(databases: Databases, transport: Transport, { from, withinMs }: Patience): Promise<Flow> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const before = await workIn(databases);
    if (before.left.length === 0) {
      const flow = await patiently(() => flowOf(transport, databases, from), deadline);
      const after = await workIn(databases);
      const still = after.left.length === 0 && after.stated === before.stated;
      if (still && flow.unhandled.length === 0) return flow;
      if (Date.now() > deadline) return withLeft(flow, after);
    } else if (Date.now() > deadline) {
      return withLeft(await patiently(() => flowOf(transport, databases, from), deadline), before);
    }
    await pause(100);
  }
}

function withLeft({ unhandled, violations }: Flow, { left }: Work): Flow {
  return { unhandled, violations: [...left, ...unhandled, ...violations] };
}

/** A store that was just restarted may end a reading. */
async function patiently<T>(read: () => Promise<T>, deadline: number): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (Date.now() > deadline) {
        throw new NotChecked(`what was stored cannot be read: ${reasonOf(error)}`, { cause: error });
      }
      await pause(500);
    }
  }
}

async function workIn(databases: Databases): Promise<Work> {
  const left: string[] = [];
  let stated = 0;
  const [orders] = await databases.query<{ unsettled: number }>(
    'order',
    'select count(*)::int as unsettled from orders where settled_at is null',
  );
  if (orders!.unsettled > 0) left.push(`${orders!.unsettled} orders are not settled`);
  for (const service of services) {
    const [row] = await databases.query<{ outbox: number; due: number; stated: number }>(
      service,
      `select (select count(*) from outbox)::int as outbox, (select count(*) from due)::int as due,
         coalesce(pg_sequence_last_value(pg_get_serial_sequence('outbox', 'id')), 0)::float8 as stated`,
    );
    const { outbox, due } = row!;
    if (outbox > 0) left.push(`${service}: ${outbox} events wait in the outbox`);
    if (due > 0) left.push(`${service}: ${due} messages wait as due work`);
    stated += row!.stated;
  }
  return { left, stated };
}
