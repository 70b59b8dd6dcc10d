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

/** What pg's typings leave out. */
interface Answered {
  /** No answer is due. */
  readonly readyForQuery: boolean;
}

/** A statement of the transaction had failed. The code (PostgreSQL manual, appendix A) is that of what fails for this reason. */
export class RolledBack extends Error {
  override readonly name = 'RolledBack';
  readonly code = '25P02';
  constructor() {
    super('nothing was committed: a statement failed and its error was caught; let what may fail have a savepoint');
  }
}

interface Answers {
  readonly all: Promise<unknown>[];
  /** How many are still to come. */
  due: number;
}

/** Of transactions that look at the answers when they have ended. */
const answersOf = new WeakMap<EntityManager, Answers>();

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
  const answers = transactionDepth === 1 ? answersOf.get(tx) : undefined;
  if (answers) collect(answers, rows);
  else await rows;
  return { rows };
}

function collect(answers: Answers, rows: Promise<unknown>): void {
  const answered = () => void answers.due--;
  answers.all.push(rows);
  answers.due++;
  rows.then(answered, answered);
}

/**
 * Runs a transaction in which what was sent is looked at in the end. Resolves once all is committed; after a rejection nothing is, unless the database was lost on the way. Rejects with
 * what failed first, not with what failed for that, and with `RolledBack` where `work` caught the error of a statement, outside of a savepoint.
 */
export async function transaction<T>(database: DataSource, work: (tx: EntityManager) => Promise<T>): Promise<T> {
  const answers: Answers = { all: [], due: 0 };
  const ended = database.transaction(async (tx) => {
    answersOf.set(tx, answers);
    const result = await work(tx);
    await refuseFailed(tx, answers);
    return result;
  });
  await ended.catch(() => undefined);
  const outcomes = await Promise.allSettled([ended, ...answers.all]);
  const errors = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
  if (errors.length > 0) throw errors.find((error) => !isConsequence(error)) ?? new RolledBack();
  return ended;
}

/** What was sent behind a failed statement fails as well. Where nothing was, the end of that one may still be on its way, behind its error. */
async function refuseFailed(tx: EntityManager, { due }: Answers): Promise<void> {
  const connection = (await tx.queryRunner!.connect()) as Client & Answered;
  if (due === 0 && !connection.readyForQuery) await connection.query('');
  if (connection.getTransactionStatus() === 'E') throw new RolledBack();
}

/** A statement failed because one before it had (PostgreSQL manual, appendix A). */
function isConsequence(error: unknown): boolean {
  return (error as { code?: string } | undefined)?.code === '25P02';
}
