import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { services, type ServiceName } from './platform/apps.js';

/*
 * Parsers for arguments of the command lines. What is wrong is thrown, with a sentence that says how to write it.
 */

export function serviceName(value: string): ServiceName {
  const found = services.find((name) => name === value);
  if (found) return found;
  throw new InvalidArgumentError(`There is no service "${value}"; there are ${services.join(', ')}.`);
}

export function address(value: string): string {
  if (!URL.canParse(value) || !/^https?:\/\//.test(value)) {
    throw new InvalidArgumentError('It looks like http://127.0.0.1:3001.');
  }
  return value.replace(/\/+$/, '');
}

export function time(value: string): Date {
  const whole = value.replace(/(T\d\d:\d\d)(?=Z|[+-])/, '$1:00');
  if (!z.iso.datetime({ offset: true }).or(z.iso.date()).safeParse(whole).success) {
    throw new InvalidArgumentError('It is a time with its zone, like 2026-01-01T00:00Z, or a day (UTC).');
  }
  const at = new Date(whole);
  if (at.getTime() > Date.now()) throw new InvalidArgumentError('It lies in the future.');
  return at;
}

/** One from 1 to `largest`. */
export function wholeNumber(largest: number): (value: string) => number {
  return (value) => {
    if (/^[1-9]\d{0,9}$/.test(value) && Number(value) <= largest) return Number(value);
    throw new InvalidArgumentError(`It is a whole number from 1 to ${largest}.`);
  };
}
