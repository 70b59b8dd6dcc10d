import { services } from '../platform/apps.js';
import { Databases } from './databases.js';
import { mailViolations } from './mail.js';
import { orderViolations } from './orders.js';
import { atRest, type Patience } from './rest.js';
import { stockViolations } from './stock.js';
import type { Level, System } from './system.js';

export interface Expected extends Patience {
  /** Orders that were accepted, for certain. */
  readonly orderIds?: readonly string[];
  /** What was on the shelves before the first order. */
  readonly before?: ReadonlyMap<string, Level>;
}

/** What must hold of a system at rest, whatever happened on the way there; waits until it is at rest. Returns each violation as a sentence. */
export async function violationsIn(
  system: System,
  { orderIds = [], before, ...patience }: Expected,
): Promise<string[]> {
  const databases = await Databases.open(system);
  try {
    const transport = await system.openTransport();
    try {
      const flow = await atRest(databases, transport, patience);
      return [
        ...flow.violations,
        ...(await orderViolations(databases, system.providerUrl, orderIds)),
        ...(await stockViolations(databases, before)),
        ...(system.sentMail ? await mailViolations(databases, await system.sentMail()) : []),
        ...(await deadLetters(databases)),
      ];
    } finally {
      await transport.close();
    }
  } finally {
    await databases.close();
  }
}

async function deadLetters(databases: Databases): Promise<string[]> {
  const found: string[] = [];
  for (const service of services) {
    const letters = await databases.query<{ type: string; reason: string }>(
      service,
      `select type, reason from dead_letter where state in ('open', 'replaying')`,
    );
    found.push(...letters.map(({ type, reason }) => `${service} set ${type} aside: ${reason}`));
  }
  return found;
}
