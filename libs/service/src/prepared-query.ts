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

/** What a result has learned from a row description. */
interface Columns {
  fields: unknown;
  _parsers: unknown;
  _prebuiltEmptyResultObject: unknown;
}

interface Submitted {
  _result: Columns;
  _accumulateRows: boolean;
  submit(connection: Connection): Error | null;
  prepare(connection: Connection): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
}

type Answer = (error: Error | undefined, result: object) => void;

const Base = Query as unknown as new (text: string, values: readonly unknown[], answer: Answer) => Submitted;

interface Known {
  /** By the name of the statement. */
  readonly columns: Map<string, Columns>;
  /** The connection itself, except that it does not ask the server for a row description. */
  readonly undescribed: Connection;
}

const known = new WeakMap<Connection, Known>();

/**
 * A statement that the server prepares once per connection, and describes as often: it refuses to run one whose columns have changed (PostgreSQL manual, "PREPARE").
 * pg would ask each time. And what pg makes of an object that describes a statement, it copies property by property each time.
 */
export class PreparedQuery extends Base {
  readonly name: string;

  constructor({ name, text, values }: Prepared, answer: Answer) {
    super(text, values, answer);
    this.name = name;
    this._accumulateRows = true;
  }

  override prepare(connection: Connection): void {
    const { columns, undescribed } = knownOf(connection);
    const described = columns.get(this.name);
    if (described) Object.assign(this._result, described);
    super.prepare(described ? undescribed : connection);
  }

  override handleCommandComplete(message: unknown, connection: Connection): void {
    const { columns } = knownOf(connection);
    if (!columns.has(this.name)) {
      const { fields, _parsers, _prebuiltEmptyResultObject } = this._result;
      columns.set(this.name, { fields, _parsers, _prebuiltEmptyResultObject });
    }
    super.handleCommandComplete(message, connection);
  }
}

function knownOf(connection: Connection): Known {
  let all = known.get(connection);
  if (!all) {
    const undescribed = Object.create(connection, { describe: { value: () => undefined } }) as Connection;
    known.set(connection, (all = { columns: new Map(), undescribed }));
  }
  return all;
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
