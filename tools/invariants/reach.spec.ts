import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../processes/index.js';
import { Databases } from './databases.js';
import { chargesByOrder } from './ledger.js';
import { mailAt } from './mail.js';
import { NotChecked, openStore } from './reach.js';

const why = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => (error instanceof NotChecked ? error.message : error),
  );

describe('what is out of reach is told in one line', () => {
  it.each([
    ['rabbitmq', 'RABBITMQ_URL', 'amqp://'],
    ['kafka', 'KAFKA_BROKERS', ''],
    ['postgres', 'LOG_DATABASE_URL', 'postgres://postgres@'],
  ])('the store %s', async (name, variable, scheme) => {
    const place = `127.0.0.1:${await freePort()}`;
    const told = await why(openStore({ TRANSPORT: name, [variable]: `${scheme}${place}` }));
    expect(told).toMatch(new RegExp(`^the store ${name} does not answer: .*ECONNREFUSED ${place}; start it, .*$`));
  });

  it('a database', async () => {
    const port = await freePort();
    const databaseUrl = (service: string) => `postgres://postgres@127.0.0.1:${port}/${service}`;
    expect(await why(Databases.open({ databaseUrl }))).toBe(
      `the database of order does not answer: connect ECONNREFUSED 127.0.0.1:${port}; start it with npm start, or say where it is with --database-url`,
    );
  });

  it('the payment provider and Mailpit', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    expect(await why(chargesByOrder(url))).toBe(
      `the payment provider does not answer at ${url} (ECONNREFUSED); start it, or say where it is with --provider-url`,
    );
    expect(await why(mailAt(url))).toBe(
      `Mailpit does not answer at ${url} (ECONNREFUSED); start it, or say where it is with --mailpit`,
    );
  });
});

describe('at the address', () => {
  let answer: (response: ServerResponse) => unknown;
  const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1');
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  afterAll(() => void server.close());

  it.each(['<html>', '{"status":"ok"}', 'null'])('somebody else, who says %s, is told', async (said) => {
    answer = (response) => response.end(said);
    expect(await why(mailAt(url()))).toBe(`what answers at ${url()} is not Mailpit; say where it is with --mailpit`);
    expect(await why(chargesByOrder(url()))).toBe(
      `what answers at ${url()} is not the payment provider; say where it is with --provider-url`,
    );
  });

  it('an answer that breaks off is none', async () => {
    answer = (response) => response.writeHead(200).write('{"messages":[', () => response.destroy());
    expect(await why(mailAt(url()))).toMatch(/^Mailpit does not answer at .* \(UND_ERR_SOCKET\); start it/);
  });
});
