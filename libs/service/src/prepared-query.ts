import { Query } from 'pg';

export interface Prepared {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** To be run once on a connection before the first `OpeningQuery`, which only refers to it. */
export const BEGIN = { name: 'begin', text: 'begin' };

/** What pg's typings leave out. */
interface Connection {
  bind(config: { readonly statement: string }): void;
  execute(config: object): void;
}

interface Submitted {
  submit(connection: Connection): Error | null;
  handleCommandComplete(message: unknown, connection: Connection): void;
}

type Answer = (error: Error | undefined, result: object) => void;

const Base = Query as unknown as new (text: string, values: readonly unknown[], answer: Answer) => Submitted;

/** A statement that the server prepares once per connection. What pg makes of an object that describes one, it copies property by property each time. */
export class PreparedQuery extends Base {
  readonly name: string;

  constructor({ name, text, values }: Prepared, answer: Answer) {
    super(text, values, answer);
    this.name = name;
  }
}

/**
 * A prepared statement and the BEGIN of its transaction, in one exchange. One Sync ends both, so the server passes over the statement where BEGIN fails (PostgreSQL manual,
 * "Extended Query"): it never takes effect outside of the transaction.
 */
export class OpeningQuery extends PreparedQuery {
  private begun = false;

  override submit(connection: Connection): Error | null {
    connection.bind({ statement: BEGIN.name });
    connection.execute({});
    return super.submit(connection);
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    if (this.begun) super.handleCommandComplete(message, connection);
    this.begun = true;
  }
}
