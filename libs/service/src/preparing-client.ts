import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { Client, type ClientConfig, type QueryResult } from 'pg';
import { gatherWrites } from '#libs/messaging';
import { RolledBack } from '#libs/outbox';
import { BEGIN, OpeningQuery, PreparedQuery, type Prepared } from './prepared-query.js';

/** What pg's typings leave out. */
interface Inside {
  /** No answer is due. */
  readonly readyForQuery: boolean;
  readonly connection: { readonly stream: Socket };
}

/**
 * Statements look things up by key, in tables that are empty at one time and full at another: one plan for each, made once, which never reads a whole table where an index serves.
 * Where none does, a plan seems so dear that PostgreSQL would compile it.
 */
export const PLANNING = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off';

const names = new Map<string, string>();

/**
 * Has the server parse and plan each statement with parameters once per connection. So the texts must be few, with no values in them,
 * and name their columns: what `select *` was prepared for is refused once a migration has added a column.
 *
 * A transaction is begun by its first statement, in one exchange; that it could not be begun shows there. What is asked for meanwhile waits for that.
 *
 * A COMMIT that the server answers with a rollback rejects.
 *
 * A connection that is silent for `query_timeout` while an answer is due is ended: one timer of the socket, where pg has one for each statement.
 */
export class PreparingClient extends Client {
  private knowsBegin = false;
  /** The next statement begins a transaction. */
  private opening = false;
  /** The statement that begins one, until it is answered. */
  private first: Promise<object> | undefined;

  constructor({ query_timeout: silentMs = 0, ...config }: ClientConfig) {
    super({ options: PLANNING, ...config });
    this.once('connect', () => {
      const inside = this as unknown as Inside;
      const { stream } = inside.connection;
      gatherWrites(stream);
      stream.setTimeout(silentMs);
      stream.on('timeout', () => inside.readyForQuery || stream.destroy(new Error('Query read timeout')));
    });
  }

  override query(...args: unknown[]): never {
    return this.ask(args) as never;
  }

  private ask(args: unknown[]): unknown {
    const [text, values, ...rest] = args;
    if (text === 'START TRANSACTION') return this.begin();
    if (this.first) return this.first.then(() => this.ask(args));
    const prepared = typeof text === 'string' && Array.isArray(values) && values.length > 0 && rest.length === 0;
    const statement = prepared ? { name: nameOf(text), text, values: values as unknown[] } : undefined;
    if (!this.opening) {
      if (text === 'COMMIT') return this.commit();
      return statement ? this.run(PreparedQuery, statement) : this.send(args);
    }
    this.opening = false;
    const answer = statement ? this.run(OpeningQuery, statement) : this.send([BEGIN]).then(() => this.send(args));
    this.first = answer.finally(() => (this.first = undefined));
    return this.first;
  }

  private async begin(): Promise<object> {
    this.opening = this.knowsBegin;
    if (this.opening) return { rows: [], rowCount: null };
    const begun = await this.send([BEGIN]);
    this.knowsBegin = true;
    return begun;
  }

  private async commit(): Promise<object> {
    const answer = await this.send(['COMMIT']);
    if ((answer as QueryResult).command === 'ROLLBACK') throw new RolledBack();
    return answer;
  }

  private run(Kind: typeof PreparedQuery, statement: Prepared): Promise<object> {
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    void this.send([new Kind(statement, (error, result) => (error ? reject(error) : resolve(result)))]);
    return promise;
  }

  private send(args: unknown[]): Promise<object> {
    return (super.query as (...all: unknown[]) => Promise<object>).apply(this, args);
  }
}

function nameOf(text: string): string {
  let name = names.get(text);
  if (!name) names.set(text, (name = createHash('sha256').update(text).digest('base64url').slice(0, 22)));
  return name;
}
