import type { QueryResultRow } from 'pg';
import { SessionLost, type Session, type Statement } from './session.js';

/** A session that is opened when it is first needed and again after it was lost. Statements run one after the other. */
export class Link {
  private session: Session | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(private readonly open: () => Promise<Session>) {}

  /** Rejects with the reason when the server is out of reach; tries once. */
  query<Row extends QueryResultRow>(statement: string | Statement, values: unknown[] = []): Promise<readonly Row[]> {
    const run = async () => (await this.reach()).query<Row>(statement, values);
    const result = this.last.then(run);
    this.last = result.catch(() => {});
    return result;
  }

  /** Lets the statements that run end. */
  async close(): Promise<void> {
    await this.last;
    this.closed = true;
    await this.session?.end();
  }

  private async reach(): Promise<Session> {
    if (this.closed) throw new SessionLost('the transport was closed');
    if (!this.session || this.session.isLost) this.session = await this.open();
    return this.session;
  }
}
