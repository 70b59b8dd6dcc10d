import type { EntityManager } from 'typeorm';
import { validate as isUuid, version as versionOf } from 'uuid';
import { timeOf, type Claims } from '#libs/inbox';
import type { Delivery } from '#libs/messaging';

/** Of one type, what became of the messages that the store still has. Each message is in one of the last four counts. */
export interface Replayed {
  readonly type: string;
  readonly stored: number;
  /** New to the inbox: handed over, or to be handed over by a replay that is not dry. */
  readonly fresh: number;
  /** The inbox knows them: no effect. Those that wait for another try, or lie among the dead letters, are known as well. */
  readonly handled: number;
  /** Older than what the inbox remembers: not handed over, since nobody could tell whether they were handled. */
  readonly tooOld: number;
  /** Handed over, and found unreadable: dead letters. */
  readonly setAside: number;
}

type Counts = { -readonly [name in keyof Omit<Replayed, 'type'>]: number };

/** What a replay needs of the service. */
export interface Replaying {
  readonly history: AsyncIterable<readonly Delivery[]>;
  readonly claims: Claims;
  readonly database: EntityManager;
  receive(batch: readonly Delivery[]): Promise<void>;
}

/** The service is stopping; what was handed over by then has had its effect, and a replay may simply be begun again. */
export class ReplayInterrupted extends Error {
  override readonly name = 'ReplayInterrupted';
}

/** Hands over what the inbox does not know yet, in the order of the store. Dry, only counts. */
export async function replay(
  { history, claims, database, receive }: Replaying,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<readonly Replayed[]> {
  const counts = new Map<string, Counts>();
  const count = (deliveries: readonly Delivery[], as: keyof Counts) => {
    for (const { type } of deliveries) {
      const ofType = counts.get(type) ?? { stored: 0, fresh: 0, handled: 0, tooOld: 0, setAside: 0 };
      counts.set(type, ofType);
      ofType[as]++;
    }
  };
  const known = async (deliveries: readonly Delivery[]) => {
    const ids = deliveries.map(({ id }) => id);
    return new Set(ids.length > 0 ? (await claims.story(database, ids)).map(({ id }) => id) : []);
  };
  for await (const batch of history) {
    if (signal.aborted) throw new ReplayInterrupted('the service is stopping');
    const covered = batch.filter(({ id }) => isUuid(id) && claims.covers(id));
    const before = await known(covered);
    const fresh = firstOfEach(covered.filter(({ id }) => !before.has(id.toLowerCase())));
    count(batch, 'stored');
    count(
      batch.filter((delivery) => !covered.includes(delivery)),
      'tooOld',
    );
    count(
      covered.filter((delivery) => !fresh.includes(delivery)),
      'handled',
    );
    if (dryRun || fresh.length === 0) {
      count(fresh, 'fresh');
      continue;
    }
    await receive(fresh);
    const after = await known(fresh);
    for (const one of fresh) count([one], after.has(one.id.toLowerCase()) ? 'fresh' : 'setAside');
  }
  return [...counts].map(([type, of]) => ({ type, ...of })).toSorted((a, b) => (a.type < b.type ? -1 : 1));
}

/** The relay may have published one twice. */
function firstOfEach(deliveries: readonly Delivery[]): Delivery[] {
  const seen = new Set<string>();
  return deliveries.filter(({ id }) => !seen.has(id) && seen.add(id));
}

/** When the oldest of them was stated, by their ids: how long an inbox must remember to be fed all of them. */
export async function oldestOf(history: AsyncIterable<readonly Delivery[]>): Promise<Date | undefined> {
  let oldest = Infinity;
  for await (const batch of history) {
    for (const { id } of batch) if (isUuid(id) && versionOf(id) === 7) oldest = Math.min(oldest, timeOf(id));
  }
  return oldest === Infinity ? undefined : new Date(oldest);
}
