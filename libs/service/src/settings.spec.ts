import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { readSettings, WrongVariables } from './settings.js';

const variables = z.object({ PAYMENT_TIMEOUT_MS: z.coerce.number('milliseconds').default(5_000) });
const definition = { name: 'payment', title: 'Payment', port: 3003, variables };
const read = (env: NodeJS.ProcessEnv) => readSettings(definition, env);

/** What the person who starts the service reads. */
function complaintOf(env: NodeJS.ProcessEnv): string {
  try {
    read(env);
  } catch (error) {
    if (error instanceof WrongVariables) return error.message;
    throw error;
  }
  return '';
}

describe('the variables of a service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'farandole-settings-'));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  afterAll(() => rmSync(folder, { recursive: true }));

  it('need not be set: a service runs beside npm start as it stands', () => {
    const { settings, variables: own } = read({});
    expect(settings).toMatchObject({
      service: 'payment',
      PORT: 3003,
      HOST: '127.0.0.1',
      TRANSPORT: 'postgres',
      DATABASE_URL: 'postgres://postgres@127.0.0.1:54329/payment',
      CONSUMER_GROUP: 'payment',
    });
    expect(own).toEqual({ PAYMENT_TIMEOUT_MS: 5_000 });
  });

  it('count as not set when they are empty', () => {
    expect(read({ PORT: '', TRANSPORT: '', OPS_TOKEN: '' }).settings).toMatchObject({
      PORT: 3003,
      TRANSPORT: 'postgres',
    });
  });

  it('have it listen at one address', () => {
    expect(read({ HOST: 'localhost' }).settings.HOST).toBe('127.0.0.1');
    expect(read({ HOST: '::' }).settings.HOST).toBe('::');
  });

  it('have what is stated go out on a beat where the service says so, a longer one on a broker, unless told how long', () => {
    const beatOf = (env: NodeJS.ProcessEnv) =>
      readSettings({ ...definition, onBeat: true }, env).settings.PUBLISH_BEAT_MS;
    expect(read({}).settings.PUBLISH_BEAT_MS).toBe(0);
    expect(beatOf({})).toBe(40);
    expect(beatOf({ TRANSPORT: 'rabbitmq' })).toBe(60);
    expect(beatOf({ TRANSPORT: 'kafka' })).toBe(80);
    expect(beatOf({ TRANSPORT: 'kafka', PUBLISH_BEAT_MS: '0' })).toBe(0);
  });

  it('have what comes wait for more where the service says so, unless told how long', () => {
    const lingerOf = (env: NodeJS.ProcessEnv) =>
      readSettings({ ...definition, lingerMs: 100 }, env).settings.BATCH_LINGER_MS;
    expect(read({}).settings.BATCH_LINGER_MS).toBe(0);
    expect(lingerOf({})).toBe(100);
    expect(lingerOf({ BATCH_LINGER_MS: '0' })).toBe(0);
  });

  it('are told apart by name, with what is allowed and what was given, a line each', () => {
    const lines = complaintOf({ TRANSPORT: 'rabitmq', PORT: '70000', PAYMENT_TIMEOUT_MS: 'soon' }).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe('PORT: a port, up to 65535 (it is "70000")');
    expect(lines[1]).toMatch(/^TRANSPORT: .*"postgres"\|"rabbitmq"\|"kafka".* \(it is "rabitmq"\)$/);
    expect(lines[2]).toMatch(/^PAYMENT_TIMEOUT_MS: .*milliseconds.* \(it is "soon"\)$/);
  });

  it.each([
    ['soon', 'a number'],
    ['2.5', 'a whole number'],
    ['2000', 'Too big: expected number to be <=1000'],
  ])('that are to be numbers are told in words: %s', (BATCH_LINGER_MS, wanted) => {
    expect(complaintOf({ BATCH_LINGER_MS })).toBe(`BATCH_LINGER_MS: ${wanted} (it is "${BATCH_LINGER_MS}")`);
  });

  it.each([
    ['DATABASE_URL', 'mysql://u:hunter2@host/db'],
    ['RABBITMQ_URL', 'http://u:hunter2@host'],
    ['OPS_TOKEN', 'hunter2'],
  ])('that are wrong and hold a credential are named, and not shown: %s', (name, value) => {
    expect(complaintOf({ [name]: value })).toMatch(new RegExp(`^${name}: `));
    expect(complaintOf({ [name]: value })).not.toContain('hunter2');
  });

  it('with a credential may come from a file, without the newline at its end', () => {
    const env = {
      DATABASE_URL_FILE: file('db', 'postgres://payment:s3cret@db:5432/payment\n'),
      KAFKA_PASSWORD_FILE: file('kafka', 's3cret\n'),
    };
    expect(read(env).settings).toMatchObject({
      DATABASE_URL: 'postgres://payment:s3cret@db:5432/payment',
      KAFKA_PASSWORD: 's3cret',
    });
  });

  it('that are set themselves win over a file', () => {
    const OPS_TOKEN_FILE = file('token', 'a token from a file');
    expect(read({ OPS_TOKEN_FILE, OPS_TOKEN: 'a token of its own' }).settings.OPS_TOKEN).toBe('a token of its own');
  });

  it('name a file that cannot be read', () => {
    const path = join(folder, 'nowhere');
    expect(complaintOf({ OPS_TOKEN_FILE: path })).toMatch(/^OPS_TOKEN_FILE: ENOENT/);
    for (const name of ['RABBITMQ_CA_FILE', 'KAFKA_CA_FILE']) {
      expect(complaintOf({ [name]: path })).toBe(`${name}: no file that can be read (it is "${path}")`);
      expect(complaintOf({ [name]: file('ca.pem', '') })).toBe('');
    }
  });

  it('may not make it another service’s consumer group', () => {
    expect(complaintOf({ CONSUMER_GROUP: 'shipping' })).toMatch(/^CONSUMER_GROUP: another service has this name/);
    expect(read({ CONSUMER_GROUP: 'payment-again' }).settings.CONSUMER_GROUP).toBe('payment-again');
  });
});
