import { describe, expect, it } from 'vitest';
import { QueryFailedError, QueryRunnerAlreadyReleasedError, QueryRunnerProviderAlreadyReleasedError } from 'typeorm';
import { isDatabaseDown } from './database-errors.js';

/** As pg tells of what the server said. */
const said = (code: string) => Object.assign(new Error('the server said no'), { code, routine: 'ProcessInterrupts' });
const socket = (code: string) => Object.assign(new Error('the socket said no'), { code });

describe('an error of the database', () => {
  it.each<[string, Error]>([
    ['the server is starting up', said('57P03')],
    ['the server ends the session', said('57P01')],
    ['there are too many connections', said('53300')],
    ['the disk is full', said('53100')],
    ['the disk fails', said('58030')],
    ['nobody listens', socket('ECONNREFUSED')],
    ['a statement met one of these', new QueryFailedError('select 1', [], said('57P01'))],
    ['the connection broke', new Error('Connection terminated unexpectedly')],
    ['no answer came in time', new Error('Query read timeout')],
    ['the connection of a transaction broke amid it', new QueryRunnerAlreadyReleasedError()],
    ['and the next statement found it gone', new QueryRunnerProviderAlreadyReleasedError()],
  ])('tells that it is out of reach: %s', (_, error) => {
    expect(isDatabaseDown(error)).toBe(true);
  });

  it.each<[string, unknown]>([
    ['a row is there already', said('23505')],
    ['a statement is wrong', new QueryFailedError('selekt 1', [], said('42601'))],
    ['two transactions met', said('40P01')],
    ['a statement lacks a parameter', said('08P01')],
    ['a statement needs more temporary files than it may', said('53400')],
    ['a library is missing', said('58P01')],
    ['the server does not reach a foreign one', said('08001')],
    ['something else was unreachable, and said so in words', new Error('the provider is away')],
    ['no error at all', 'ECONNREFUSED'],
  ])('tells of something else: %s', (_, error) => {
    expect(isDatabaseDown(error)).toBe(false);
  });
});
