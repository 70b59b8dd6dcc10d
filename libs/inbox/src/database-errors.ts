import { QueryFailedError, QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';

/**
 * SQLSTATE classes and codes that tell of the server, not of the statement (PostgreSQL manual, appendix A). Of the statement are 53400 (it needs more than `temp_file_limit`) and 58P01 (a
 * library is missing); class 08 is of whatever else the server connects to, as a foreign server: that its own connection is lost no server can say.
 */
const SERVER_STATES = /^(53(?!400)|57P0|580)/;
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
]);
const PG_MESSAGES =
  /^(Connection terminated|Query read timeout|Client has encountered a connection error|timeout exceeded when trying to connect|Client was closed)/;

/** Errors that look as if the database were down, and it was not. */
const elsewhere = new WeakSet<Error>();

/** Whether the database was out of reach: no failure of the message, so nothing counts as an attempt. */
export function isDatabaseDown(error: unknown): boolean {
  if (!(error instanceof Error) || elsewhere.has(error)) return false;
  const { code, driverError, routine } = error as { code?: string; driverError?: unknown; routine?: string };
  if (driverError && driverError !== error) return isDatabaseDown(driverError);
  if (PG_MESSAGES.test(error.message)) return true;
  // TypeORM gives a connection that broke back at once: what the transaction does next finds it gone.
  if (error instanceof QueryRunnerAlreadyReleasedError) return true;
  if (error instanceof QueryRunnerProviderAlreadyReleasedError) return true;
  if (!code) return false;
  return routine === undefined ? SOCKET_CODES.has(code) : SERVER_STATES.test(code);
}

interface Asked {
  query(sql: string): Promise<unknown>;
}

/**
 * Settles as `handle` does. What a handler calls may refuse a connection as a database does that is down: the database, or the transaction that it runs
 * in, is asked which of the two it was, so that `isDatabaseDown` knows.
 */
export async function toldApart<T>(database: Asked, handle: () => Promise<T>): Promise<T> {
  try {
    return await handle();
  } catch (error) {
    if (isDatabaseDown(error) && (await answers(database, error))) elsewhere.add(error as Error);
    throw error;
  }
}

/** A transaction in which a statement failed refuses, and so answers: unless it was this error that the statement met. */
async function answers(database: Asked, error: unknown): Promise<boolean> {
  try {
    await database.query('select 1');
    return true;
  } catch (refused) {
    return !(error instanceof QueryFailedError) && !isDatabaseDown(refused);
  }
}
