import type { DataSource } from 'typeorm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChargePayment } from '#libs/contracts';
import { Hopeless, MessagingMetrics } from '#libs/messaging';
import { silent } from '#libs/messaging/testing';
import { Outbox } from '#libs/outbox';
import { freshInboxDatabase } from '../testing/database.js';
import { shipped } from '../testing/events.js';
import { handlersOf } from '../testing/handlers.js';
import { startInbox, type InboxOptions, type RunningInbox } from './start-inbox.js';

describe('an inbox started with no more than it must be told', () => {
  let database: DataSource;
  let close: () => Promise<void>;
  let inbox: RunningInbox;
  let options: InboxOptions;
  let broken: boolean;
  const charged: string[] = [];
  /** By key. */
  const transactions = new Map<string, string>();

  beforeEach(async () => {
    broken = false;
    charged.length = 0;
    ({ database, close } = await freshInboxDatabase());
    const handlers = handlersOf({
      reacts: async (key, tx) => {
        const [{ id }] = await tx.query<[{ id: string }]>('select pg_current_xact_id()::text as id');
        transactions.set(key, id);
        if (broken) throw new Hopeless('never');
        return ChargePayment({ orderId: key, amountCents: 1, paymentToken: 'tok_visa' });
      },
      does: async (key) => void charged.push(key),
    });
    options = {
      service: 'payment',
      database,
      handlers,
      outbox: new Outbox('postgresql'),
      log: silent,
      metrics: new MessagingMetrics('postgresql', 'payment'),
      system: 'postgresql',
    };
    inbox = await startInbox(options);
  });
  afterEach(async () => {
    await inbox?.stop();
    await close?.();
  });

  it('has a message take effect once, and does the commands that follow', async () => {
    const one = shipped();
    await inbox.receive([one]);
    await inbox.receive([one, shipped()]);
    await expect.poll(() => charged).toHaveLength(2);
    expect(await database.query('select from dead_letter')).toEqual([]);
  });

  it('takes what is given as undefined for absent', async () => {
    await inbox.stop();
    const names = ['limits', 'maxBatch', 'companyMs', 'lingerMs', 'perKey', 'concurrency', 'retentionDays'];
    inbox = await startInbox({ ...options, ...Object.fromEntries(names.map((name) => [name, undefined])) });
    await inbox.receive([shipped()]);
    await expect.poll(() => charged).toHaveLength(1);
  });

  it('is refused where a batch would have no message', async () => {
    await expect(startInbox({ ...options, maxBatch: 0 })).rejects.toThrow('maxBatch: at least 1 message, not 0');
  });

  it('has what joins a batch that waits share its transaction, but for what cannot be read', async () => {
    // What a service handles first after its start is handled by itself.
    for (let n = 0; n < 10; n++) await inbox.receive(Array.from({ length: 100 }, () => shipped()));
    transactions.clear();
    const [first, second, unreadable] = [shipped(), shipped(), { ...shipped(), body: Buffer.from('{') }];
    const joined: boolean[] = [];
    await inbox.receive([first], (join) =>
      joined.push(
        join(() => second),
        join(() => unreadable),
      ),
    );
    expect(joined).toEqual([true, false]);
    expect([...transactions.keys()]).toEqual([first.key, second.key]);
    expect(new Set(transactions.values()).size).toBe(1);
  });

  it('replays dead letters', async () => {
    broken = true;
    await inbox.receive([shipped()]);
    broken = false;
    await inbox.replays.create({}, { ratePerSecond: 1_000, canary: false, by: 'test' });
    inbox.wake();
    await expect.poll(() => charged).toHaveLength(1);
  });
});
