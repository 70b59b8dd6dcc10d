import { services } from '../../tools/platform/apps.js';
import type { Recorded } from './recorded.js';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Takes work that any transaction may have left: to be asked again until it gets a row. */
  readonly takes: boolean;
  /** Row and column whose value in the answer stood in a later parameter, by that value. */
  readonly gives: readonly { readonly row: number; readonly column: string; readonly value: string }[];
}

/** What one database did in one go for one order; a single statement where it needed no `begin`. */
export interface Transaction {
  readonly database: string;
  readonly statements: readonly Statement[];
}

const BEGINS = /^\s*(begin|start transaction)/i;
const ENDS = /^\s*(commit|end)\b/i;
const FAILS = /^\s*rollback/i;
/** Only the first messages after a start are watched like this. */
const AFTER_START = /\b(into|from) suspect\b/;
const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/**
 * The transactions of the services, in the order in which they were committed. The relay's own statements are left out, and those of a
 * transport: the floor is what state, inbox, outbox and due work cost, and no more.
 */
export function scriptOf(recorded: readonly Recorded[]): Transaction[] {
  const own = recorded.filter(
    ({ database, application, text }) =>
      (services as readonly string[]).includes(database) && application !== 'relay' && !AFTER_START.test(text),
  );
  const connections = Map.groupBy(own, ({ database, connection }) => `${database} ${connection}`);
  const done = [...connections.values()].flatMap((one) =>
    transactionsIn(one.toSorted((a, b) => a.nth - b.nth)).filter((part) => part.some(writes)),
  );
  const inOrder = done.toSorted((a, b) => a.at(-1)!.at - b.at(-1)!.at || a.at(-1)!.nth - b.at(-1)!.nth);
  return inOrder.map((part, at) => ({
    database: part[0]!.database,
    statements: part.map((statement) => toStatement(statement, later(inOrder, at, statement))),
  }));
}

function transactionsIn(statements: readonly Recorded[]): Recorded[][] {
  const found: Recorded[][] = [];
  let open: Recorded[] | undefined;
  for (const one of statements) {
    if (BEGINS.test(one.text)) open = [one];
    else if (FAILS.test(one.text)) open = undefined;
    else if (!open) found.push([one]);
    else {
      open.push(one);
      if (!ENDS.test(one.text)) continue;
      found.push(open);
      open = undefined;
    }
  }
  return found;
}

function writes({ command, rowCount }: Recorded): boolean {
  return WRITES.has(command) && rowCount > 0;
}

/** Parameters of what the same database did from then on. */
function later(all: readonly Recorded[][], at: number, { database, nth }: Recorded): ReadonlySet<unknown> {
  const following = all.slice(at).flatMap((part) => part.filter((one) => one.database === database && one.nth > nth));
  return new Set(following.flatMap(({ values }) => values.flat()));
}

/** Generated numbers, such as the id of due work, are another time others. */
function toStatement({ text, values, rows, command }: Recorded, wanted: ReadonlySet<unknown>): Statement {
  const limit = /\blimit \$(\d+)/i.exec(text)?.[1];
  const takes = WRITES.has(command) && limit !== undefined;
  return {
    text,
    // One piece of work at a time, whatever else waits.
    values: takes ? values.with(Number(limit) - 1, 1) : values,
    takes,
    gives: rows.flatMap((columns, row) =>
      Object.entries(columns).flatMap(([column, value]) =>
        typeof value === 'string' && /^\d+$/.test(value) && wanted.has(value) ? [{ row, column, value }] : [],
      ),
    ),
  };
}
