import { choreography } from '#libs/contracts';
import type { Delivery, Transport } from '#libs/messaging';
import { type ServiceName, services } from '../platform/apps.js';
import type { Databases } from './databases.js';

export interface Flow {
  /** What some service has neither handled nor set aside, and may still. */
  readonly unhandled: readonly string[];
  /** What cannot be put right any more. */
  readonly violations: readonly string[];
}

interface Claim {
  readonly id: string;
  /** Microseconds since 1970, by the database's clock. */
  readonly at: number;
  /** Place in its batch; null where it was handled later, as due work. */
  readonly ordinal: number | null;
}

const SOURCES = choreography.flatMap(({ sources }) => sources);
const REACTING = Map.groupBy(
  choreography.flatMap(({ service, sources }) =>
    sources.map(({ type }) => ({ type, service: service as ServiceName })),
  ),
  ({ type }) => type,
);

/** Holds all that was stored from a time on against what the services' inboxes say they did with it. */
export async function flowOf(transport: Transport, databases: Databases, from: Date): Promise<Flow> {
  const flow = new FlowCheck(databases);
  for await (const batch of transport.history(SOURCES, from)) await flow.take(batch);
  return flow;
}

class FlowCheck implements Flow {
  readonly unhandled: string[] = [];
  readonly violations: string[] = [];
  private readonly seen = new Set<string>();
  private readonly statements = new Map<string, string>();
  private readonly storedLast = new Map<string, number>();
  private readonly handledLast = new Map<string, Claim>();

  constructor(private readonly databases: Databases) {}

  async take(batch: readonly Delivery[]): Promise<void> {
    // The relay may have published one twice.
    const fresh = batch.filter(({ id }) => !this.seen.has(id) && this.seen.add(id));
    for (const message of fresh) this.statedOnce(message);
    for (const service of services) {
      const own = fresh.filter(({ type }) => REACTING.get(type)?.some((one) => one.service === service));
      if (own.length > 0) await this.handledOnce(service, own);
    }
  }

  /** A reaction that took effect twice would have stated two events of one type, under ids of their own. */
  private statedOnce({ id, type, key, topic, headers }: Delivery): void {
    const statement = `${headers['causationid'] ?? ''} ${type} ${key}`;
    const other = this.statements.get(statement);
    if (other !== undefined) this.violations.push(`${type} of ${key} was stated twice: ${other} and ${id}`);
    this.statements.set(statement, id);
    const lane = `${topic} ${key}`;
    const sequence = Number(headers['sequence']);
    if (sequence <= (this.storedLast.get(lane) ?? 0)) {
      this.violations.push(`${type} of ${key}, ${id}, was stored behind what was stated later`);
    }
    this.storedLast.set(lane, sequence);
  }

  private async handledOnce(service: ServiceName, messages: readonly Delivery[]): Promise<void> {
    const ids = messages.map(({ id }) => id);
    const claims = await this.databases.query<Claim>(
      service,
      `select message_id as id, (extract(epoch from handled_at) * 1000000)::float8 as at, ordinal
       from inbox where message_id = any($1::uuid[])`,
      [ids],
    );
    const letters = await this.databases.query<{ id: string }>(
      service,
      'select message_id as id from dead_letter where message_id = any($1::text[])',
      [ids],
    );
    const setAside = new Set(letters.map(({ id }) => id));
    const byId = Map.groupBy(claims, ({ id }) => id);
    for (const message of messages) {
      const [claim, again] = byId.get(message.id) ?? [];
      if (again) this.violations.push(`${service} claimed ${message.type} ${message.id} twice`);
      // What was set aside has let the others of its key pass.
      if (setAside.has(message.id)) continue;
      if (claim) this.handledInOrder(service, message, claim);
      else this.unhandled.push(`${service} has not handled ${message.type} of ${message.key}, ${message.id}`);
    }
  }

  /** A claim is told by when it was made, due work by when it was done: only like can be compared with like. */
  private handledInOrder(service: ServiceName, { type, id, key, topic }: Delivery, claim: Claim): void {
    const lane = `${service} ${topic} ${key} ${claim.ordinal === null ? 'due' : 'at once'}`;
    const before = this.handledLast.get(lane);
    if (before && !isBefore(before, claim)) {
      this.violations.push(
        `${service} handled ${type} of ${key}, ${id}, before ${before.id}, which was stated earlier`,
      );
    }
    this.handledLast.set(lane, claim);
  }
}

function isBefore(one: Claim, other: Claim): boolean {
  return one.at < other.at || (one.at === other.at && (one.ordinal ?? 0) < (other.ordinal ?? 0));
}
