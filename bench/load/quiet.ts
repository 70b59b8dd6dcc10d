import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from 'pg';
import { services, type ServiceName } from '../../tools/platform/index.js';
import { connect } from '../database.js';

/** Facts that the order service has of an order which is completed and whose two letters are sent. */
const ALL_FACTS = 7;
const LONGEST_MS = 120_000;

/** Tells when the work that goes on after orders are settled is done too: letters, goods handed over, outboxes, due work. */
export class Quiet {
  /** Every order up to this one has come to its end. */
  private done = '00000000-0000-0000-0000-000000000000';

  private constructor(private readonly clients: ReadonlyMap<ServiceName, Client>) {}

  static async start(urlOf: (service: ServiceName) => string): Promise<Quiet> {
    const clients = services.map(async (service) => [service, await connect(urlOf(service))] as const);
    return new Quiet(new Map(await Promise.all(clients)));
  }

  /** Resolves once nothing is left to do. @throws when that takes two minutes */
  async reached(): Promise<void> {
    const deadline = performance.now() + LONGEST_MS;
    for (;;) {
      const left = await this.left();
      if (left.length === 0) return this.noteDone();
      if (performance.now() > deadline) throw new Error(`not at rest after ${LONGEST_MS / 1000} s: ${left.join(', ')}`);
      await pause(10);
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.clients.values()].map((client) => client.end()));
  }

  private async noteDone(): Promise<void> {
    const { rows } = await this.clients
      .get('order')!
      .query<{ id: string }>('select id from orders order by id desc limit 1 /* bench */');
    this.done = rows[0]?.id ?? this.done;
  }

  private async left(): Promise<string[]> {
    const left: string[] = [];
    for (const service of services) {
      if (await this.is(service, 'exists (select from outbox) or exists (select from due)')) left.push(service);
    }
    const unfinished = `exists (select from orders where id > $1 and jsonb_array_length(history) < ${ALL_FACTS})`;
    if (await this.is('order', unfinished, [this.done])) left.push('orders whose story goes on');
    if (await this.is('inventory', 'exists (select from stock where reserved > 0)')) left.push('reserved goods');
    return left;
  }

  private async is(service: ServiceName, condition: string, values: readonly string[] = []): Promise<boolean> {
    const { rows } = await this.clients.get(service)!.query<{ yes: boolean }>({
      text: `select ${condition} as yes /* bench */`,
      values: [...values],
    });
    return rows[0]?.yes ?? false;
  }
}
