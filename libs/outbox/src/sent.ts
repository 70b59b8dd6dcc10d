import type { Client, QueryResultRow } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';

/** A statement that is on its way to the database. */
export interface Sent<Row> {
  /** To be awaited once the transaction has ended. Where it rejects, nothing was committed, even if COMMIT was answered. */
  readonly rows: Promise<readonly Row[]>;
}

/** What TypeORM's typings leave out. */
interface Inside {
  /** 1 where no savepoint is open. */
  readonly transactionDepth: number;
}

/** Of transactions that look at the answers when they have ended. */
const unanswered = new WeakMap<EntityManager, Promise<unknown>[]>();

/**
 * Sends a statement behind all that `tx` asked for so far, and what `tx` asks for later, COMMIT included, behind it; so it need not be waited for where its answer decides nothing.
 * The transaction of a reaction, of a command's effect or of `Transactions.run` fails with the statement, at its end. In any other, and within a savepoint, which may be rolled back
 * alone, the answer is waited for here.
 *
 * @throws where `tx` is no transaction
 */
export async function send<Row extends QueryResultRow>(
  tx: EntityManager,
  text: string,
  values: unknown[],
): Promise<Sent<Row>> {
  if (!tx.queryRunner?.isTransactionActive)
    throw new Error('a statement is sent in a transaction only: no other manager will do');
  // Straight to the connection: through TypeORM, what is not awaited has no promised place before the COMMIT.
  const connection = (await tx.queryRunner.connect()) as Client;
  const rows = connection.query<Row>(text, values).then((result) => result.rows);
  rows.catch(() => undefined);
  const { transactionDepth } = tx.queryRunner as unknown as Inside;
  const answers = transactionDepth === 1 ? unanswered.get(tx) : undefined;
  if (answers) answers.push(rows);
  else await rows;
  return { rows };
}

/**
 * Runs a transaction in which what was sent is looked at in the end. Resolves once all is committed; after a rejection nothing is, unless the database was lost on the way. Rejects with
 * what failed first, not with what failed for that. Where `work` caught the error of a statement, outside of a savepoint, only the answer to COMMIT tells of the rollback: the client has to reject it.
 */
export async function transaction<T>(database: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> {
  const answers: Promise<unknown>[] = [];
  const ended = database.transaction((tx) => {
    unanswered.set(tx, answers);
    return work(tx);
  });
  await ended.catch(() => undefined);
  const outcomes = await Promise.allSettled([ended, ...answers]);
  const errors = outcomes.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
  if (errors.length > 0) throw errors.find((error) => !isConsequence(error)) ?? errors[0];
  return ended;
}

/** A statement failed because one before it had (PostgreSQL manual, appendix A). */
function isConsequence(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code === '25P02';
}
