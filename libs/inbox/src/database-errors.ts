import { QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';

/** SQLSTATE classes and codes that tell of the server, not of the statement (PostgreSQL manual, appendix A). */
const SERVER_STATES = /^(08|53|57P0|58)/;
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

/** Whether the database was out of reach: no failure of the message, so nothing counts as an attempt. */
export function isDatabaseDown(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code, driverError, routine } = error as { code?: string; driverError?: unknown; routine?: string };
  if (driverError && driverError !== error) return isDatabaseDown(driverError);
  if (PG_MESSAGES.test(error.message)) return true;
  // TypeORM gives a connection that broke back at once: what the transaction does next finds it gone.
  if (error instanceof QueryRunnerAlreadyReleasedError) return true;
  if (error instanceof QueryRunnerProviderAlreadyReleasedError) return true;
  if (!code) return false;
  return routine === undefined ? SOCKET_CODES.has(code) : SERVER_STATES.test(code);
}
