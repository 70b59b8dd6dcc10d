import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProvider } from './provider-app.js';
import { failureBy } from './switches.js';

describe('the payment provider over HTTP', () => {
  const orderId = '0199a000-0000-7000-8000-000000000001';
  let folder: string;
  let app: NestFastifyApplication;
  let url: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'provider-'));
    app = await createProvider({ HOST: '127.0.0.1', PORT: 0, LEDGER_FILE: join(folder, 'ledger.jsonl'), SLOW_MS: 40 });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  });
  afterEach(async () => {
    await app.close();
    rmSync(folder, { recursive: true });
  });

  const send = async (method: string, path: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return {
      status: response.status,
      body: (await response.json()) as Record<string, unknown>,
      headers: response.headers,
    };
  };
  const charge = (paymentToken: string, key: string) =>
    send('POST', '/charges', { orderId, amountCents: 2_400, paymentToken }, { 'idempotency-key': key });
  const ledger = async () =>
    (await (await fetch(`${url}/charges?orderId=${orderId}`)).json()) as { charges: { refunds: object[] }[] };

  it('charges once when one key comes twenty times at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => charge('tok_visa', 'k1')));
    expect(new Set(answers.map(({ body }) => body['chargeId'])).size).toBe(1);
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'false')).toHaveLength(1);
    expect((await ledger()).charges).toHaveLength(1);
  });

  it('declines with 402 and a code', async () => {
    const { status, body } = await charge('tok_declined', 'k1');
    expect([status, body]).toEqual([402, { status: 'declined', code: 'declined' }]);
  });

  it('answers tok_flaky 503 twice for each key, then 201', async () => {
    const statuses = [];
    for (const key of ['k1', 'k1', 'k2', 'k1', 'k2', 'k2']) statuses.push((await charge('tok_flaky', key)).status);
    expect(statuses).toEqual([503, 503, 503, 201, 503, 201]);
  });

  it('answers tok_slow late', async () => {
    const start = performance.now();
    expect((await charge('tok_slow', 'k1')).status).toBe(201);
    expect(performance.now() - start).toBeGreaterThan(35);
  });

  it('refunds once for one key and shows it in the ledger', async () => {
    const { body } = await charge('tok_visa', 'k1');
    const refund = { chargeId: body['chargeId'], amountCents: 2_400 };
    const answers = [];
    for (const key of ['r1', 'r1', 'r2'])
      answers.push(await send('POST', '/refunds', refund, { 'idempotency-key': key }));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 422]);
    expect((await ledger()).charges[0]?.refunds).toHaveLength(1);
  });

  it('books nothing during an outage and works again after it', async () => {
    await send('PUT', '/switches', { outage: true, latencyMs: 0 });
    expect((await charge('tok_visa', 'k1')).status).toBe(503);
    expect((await ledger()).charges).toEqual([]);
    await send('PUT', '/switches', { outage: false, latencyMs: 0 });
    expect((await charge('tok_visa', 'k1')).status).toBe(201);
  });

  it('names each wrong field, a missing key and an unknown switch', async () => {
    const bad = await send('POST', '/charges', { orderId: 'x', amountCents: 1.5, more: 1 }, { 'idempotency-key': 'k' });
    expect(bad.status).toBe(400);
    for (const name of ['orderId', 'amountCents', 'paymentToken', 'more'])
      expect(JSON.stringify(bad.body)).toContain(name);
    const keyless = await send('POST', '/charges', { orderId, amountCents: 1, paymentToken: 'tok_visa' });
    expect([keyless.status, keyless.body['message']]).toEqual([400, expect.stringContaining('Idempotency-Key')]);
    expect((await send('PUT', '/switches', { outtage: true })).status).toBe(400);
  });

  it('pages through the whole ledger', async () => {
    for (const key of ['k1', 'k2', 'k3']) await charge('tok_visa', key);
    const first = (await (await fetch(`${url}/charges?limit=2`)).json()) as { charges: object[]; nextCursor: number };
    const rest = (await (await fetch(`${url}/charges?limit=2&cursor=${first.nextCursor}`)).json()) as typeof first;
    expect([first.charges.length, rest.charges.length, rest.nextCursor]).toEqual([2, 1, undefined]);
  });
});

describe('failures by chance', () => {
  it('come before and after the booking in equal parts, and not at all beyond the rate', () => {
    expect([0, 0.09, 0.1, 0.19, 0.2, 0.99].map((chance) => failureBy(chance, 0.2))).toEqual([
      'before',
      'before',
      'after',
      'after',
      undefined,
      undefined,
    ]);
    expect(failureBy(0, 0)).toBeUndefined();
  });
});
