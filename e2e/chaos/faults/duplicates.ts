import { setTimeout as pause } from 'node:timers/promises';
import { choreography } from '#libs/contracts';
import type { Delivery, Transport } from '#libs/messaging';
import { within } from '#libs/messaging/testing';
import { transportOf } from '#libs/service';
import type { Arena } from '../arena.js';
import type { Fault } from '../scenario.js';
import { PATIENCE_MS } from '../../patience.js';
import { nothingToUndo, type Undo } from './undo.js';

const TRY_FOR_MS = 20_000;
/** What is read in order to find the last messages. */
const LAST_MS = 30_000;

/** Every service gets these messages a second time from the store itself, in their order, as from a relay that crashed before it noted the confirms. */
export async function publishAgain({ count }: Extract<Fault, { kind: 'duplicates' }>, { world }: Arena): Promise<Undo> {
  const { env } = world.platform.processes.find(({ plan }) => plan.app === 'order')!.plan;
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const transport = await transportOf('chaos', env);
    try {
      await within(TRY_FOR_MS, 'messages published again', publishLast(transport, count));
      return nothingToUndo;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    } finally {
      await transport.close();
    }
    await pause(500);
  }
}

async function publishLast(transport: Transport, count: number): Promise<void> {
  const last: Delivery[] = [];
  const sources = choreography.flatMap((subscription) => subscription.sources);
  for await (const batch of transport.history(sources, new Date(Date.now() - LAST_MS))) last.push(...batch);
  const publisher = await transport.publisher();
  try {
    await publisher.publish(last.slice(-count));
  } finally {
    await publisher.close();
  }
}
