import { randomUUIDv7 } from 'node:crypto';
import type { Client, QueryResult } from 'pg';
import { fromJson } from './recorded.js';
import type { Statement, Transaction } from './script.js';

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const MOST_TRIES = 1_000;

/** One recorded order, for which the same can be done again under other ids. */
export class Script {
  constructor(
    private readonly transactions: readonly Transaction[],
    /** The name under which each statement is prepared. */
    private readonly names: Map<string, string>,
  ) {}

  /** Does it all once, on prepared statements, one transaction after the other. */
  async play(clients: ReadonlyMap<string, Client>): Promise<void> {
    const ids = new Map<string, string>();
    const generated = new Map<string, string>();
    for (const { database, statements } of this.transactions) {
      const client = clients.get(database)!;
      for (const statement of statements) {
        const answer = await this.ask(client, statement, this.values(statement, ids, generated));
        for (const { row, column, value } of statement.gives) {
          const given = (answer.rows[row] as Record<string, string> | undefined)?.[column];
          if (given !== undefined) generated.set(value, given);
        }
      }
    }
  }

  private async ask(client: Client, { text, takes }: Statement, values: unknown[]): Promise<QueryResult> {
    if (values.length === 0) return client.query(text);
    for (let tries = 0; ; tries++) {
      const answer = await client.query({ name: this.nameOf(text), text, values });
      if (!takes || answer.rowCount !== 0) return answer;
      if (tries > MOST_TRIES) throw new Error(`nothing to take: ${text}`);
    }
  }

  private values({ values }: Statement, ids: Map<string, string>, generated: ReadonlyMap<string, string>): unknown[] {
    const fresh = (found: string) => {
      const known = ids.get(found) ?? randomUUIDv7();
      ids.set(found, known);
      return known;
    };
    const again = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(again);
      if (typeof value === 'string') return generated.get(value) ?? value.replace(UUID, fresh);
      return fromJson(value);
    };
    return values.map(again);
  }

  private nameOf(text: string): string {
    const name = this.names.get(text) ?? `s${this.names.size}`;
    this.names.set(text, name);
    return name;
  }
}
