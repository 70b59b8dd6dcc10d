import type { DataSource } from 'typeorm';
import { MessagingMetrics, type Handlers } from '#libs/messaging';
import { silent } from '#libs/messaging/testing';
import { Outbox } from '#libs/outbox';
import { Claims } from '../src/claims.js';
import { DeadLetters } from '../src/dead-letters.js';
import { DueTable } from '../src/due.js';
import type { DueWorkerParts } from '../src/due-worker.js';
import type { InboxParts } from '../src/inbox.js';
import { Turn } from '../src/turn.js';

/** All that handling a message takes, with that many attempts at once and no waiting for company. */
export async function handlingParts(
  database: DataSource,
  handlers: Handlers,
  attempts: number,
): Promise<DueWorkerParts & Omit<InboxParts, 'doer'>> {
  const claims = new Claims(1);
  await claims.keepPartitions(database);
  return {
    service: 'payment',
    database,
    handlers,
    outbox: new Outbox('postgresql'),
    claims,
    due: new DueTable(),
    deadLetters: new DeadLetters(),
    limits: { retry: { attempts, baseMs: 1, capMs: 5 }, timeoutMs: 30_000 },
    maxBatch: 100,
    concurrency: 16,
    companyMs: 0,
    lingerMs: 0,
    batchesAtOnce: 8,
    perKey: true,
    suspectsTurn: new Turn(),
    log: silent,
    metrics: new MessagingMetrics('postgresql', 'payment'),
    system: 'postgresql',
  };
}
