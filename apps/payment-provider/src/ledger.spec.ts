import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Ledger } from './ledger.js';

describe('the ledger', () => {
  const request = { orderId: '0199a000-0000-7000-8000-000000000001', amountCents: 2_400, paymentToken: 'tok_visa' };
  let folder: string;
  let file: string;
  let ledger: Ledger;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ledger-'));
    file = join(folder, 'deep', 'ledger.jsonl');
    ledger = Ledger.open(file);
  });
  afterEach(() => {
    ledger.close();
    rmSync(folder, { recursive: true });
  });

  /** As after a kill -9: nothing was closed. */
  const reopened = () => Ledger.open(file);

  it('books a key once and answers it the same afterwards', () => {
    const first = ledger.charge('k1', request);
    const second = ledger.charge('k1', request);
    expect(first?.replayed).toBe(false);
    expect(second).toEqual({ charge: first?.charge, replayed: true });
    expect(ledger.ofOrder(request.orderId)).toHaveLength(1);
  });

  it('answers a declined key with the same decline', () => {
    const declined = { ...request, paymentToken: 'tok_insufficient_funds' };
    ledger.charge('k1', declined);
    expect(ledger.charge('k1', declined)).toMatchObject({
      replayed: true,
      charge: { status: 'declined', code: 'insufficient_funds' },
    });
  });

  it('refuses a key that comes with another request', () => {
    ledger.charge('k1', request);
    expect(() => ledger.charge('k1', { ...request, amountCents: 1 })).toThrow('another request');
  });

  it('never gives back more than was charged', () => {
    const { chargeId } = ledger.charge('k1', request)!.charge;
    ledger.refund('r1', { chargeId, amountCents: 2_000 });
    expect(() => ledger.refund('r2', { chargeId, amountCents: 401 })).toThrow('400 cents can still be refunded');
    expect(() => ledger.refund('r3', { chargeId: 'ch_of_nobody', amountCents: 1 })).toThrow('no charge');
  });

  it('knows charges, refunds and keys after a restart, without a line that was cut off', () => {
    const { charge } = ledger.charge('k1', request)!;
    const { refund } = ledger.refund('r1', { chargeId: charge.chargeId, amountCents: 2_400 });
    appendFileSync(file, '{"key":"k2","char');
    expect(reopened().ofOrder(request.orderId)).toEqual([{ ...charge, refunds: [refund] }]);
    const again = reopened();
    expect(again.charge('k1', request)).toEqual({ charge, replayed: true });
    expect(again.charge('k2', request)?.replayed).toBe(false);
    expect(reopened().summary()).toEqual({
      charged: 2,
      declined: 0,
      refunded: 1,
      chargedCents: 4_800,
      refundedCents: 2_400,
    });
  });

  it.skipIf(process.platform !== 'linux')(
    'books nothing that the disk took only a part of, and goes on once there is room',
    () => {
      ledger.charge('k1', request);
      const hasRoomFor = (bytes: number | 'all') => {
        const limit = bytes === 'all' ? 'unlimited' : statSync(file).size + bytes;
        execFileSync('prlimit', [`--pid=${process.pid}`, `--fsize=${limit}:`]);
      };
      const outlive = () => undefined;
      process.on('SIGXFSZ', outlive);
      try {
        hasRoomFor(50);
        expect(() => ledger.charge('k2', request)).toThrow('EFBIG');
      } finally {
        hasRoomFor('all');
        process.off('SIGXFSZ', outlive);
      }
      expect(reopened().summary().charged).toBe(1);
      expect(ledger.charge('k2', request)?.replayed).toBe(false);
      expect(ledger.charge('k3', request)?.replayed).toBe(false);
      expect(reopened().summary().charged).toBe(3);
    },
  );

  it('writes over nothing that another provider booked in the same file', () => {
    const other = reopened();
    ledger.charge('k1', request);
    other.charge('k2', request);
    ledger.charge('k3', request);
    expect(reopened().summary().charged).toBe(3);
  });

  it('goes on at the beginning of a file that was emptied meanwhile', () => {
    ledger.charge('k1', request);
    truncateSync(file);
    ledger.charge('k2', request);
    expect(reopened().summary().charged).toBe(1);
  });

  it('names the file and the line that it cannot read', () => {
    ledger.charge('k1', request);
    appendFileSync(file, '\0\0\n');
    expect(reopened).toThrow(`LEDGER_FILE: ${file}, line 2 cannot be read: `);
  });

  it('writes no token to the disk', async () => {
    ledger.charge('k1', request);
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(file, 'utf8')).not.toContain('tok_');
  });
});
