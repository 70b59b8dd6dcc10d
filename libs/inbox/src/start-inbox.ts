import type { HandleBatch } from '#libs/messaging';
import { Claims } from './claims.js';
import { DeadLetters } from './dead-letters.js';
import { DeadLetterReplays } from './dead-letters-replay.js';
import { DeadLetterReplayer } from './dead-letters-replayer.js';
import { DueTable } from './due.js';
import { DueWorker, type DueWorkerParts } from './due-worker.js';
import { Inbox, type InboxParts } from './inbox.js';
import type { Limits } from './limits.js';
import { Turn } from './turn.js';

type Given = 'service' | 'database' | 'handlers' | 'outbox' | 'log' | 'metrics' | 'system';
type Defaulted = 'limits' | 'maxBatch' | 'companyMs' | 'lingerMs' | 'batchesAtOnce' | 'perKey' | 'concurrency';

/** What is absent, or undefined, is as the variables of a service have it by default. */
export interface InboxOptions extends Pick<InboxParts, Given>, Partial<Pick<InboxParts & DueWorkerParts, Defaulted>> {
  /** How long claims are kept. */
  readonly retentionDays?: number;
}

/** An inbox with all that works beside it. */
export interface RunningInbox {
  /** As that of `Inbox`. */
  readonly receive: HandleBatch;
  readonly claims: Claims;
  /** Whoever creates one calls `wake`. */
  readonly replays: DeadLetterReplays;
  /** Something may be due, or to be replayed. */
  wake(): void;
  /** To be called once deliveries have ended: finishes due work that runs. */
  stop(): Promise<void>;
}

const LIMITS: Limits = { retry: { attempts: 10, baseMs: 200, capMs: 30_000 }, timeoutMs: 30_000 };
const UPKEEP_EVERY_MS = 3_600_000;

/**
 * Starts an inbox on a database that has its tables, and keeps these tidy. Rejects while the database is out of reach, or where `maxBatch` leaves no message room; nothing has
 * started then.
 */
export async function startInbox({
  system,
  limits = LIMITS,
  maxBatch = 100,
  companyMs = 5,
  lingerMs = 0,
  batchesAtOnce = 8,
  perKey = false,
  concurrency = 16,
  retentionDays = 7,
  ...given
}: InboxOptions): Promise<RunningInbox> {
  if (!(maxBatch >= 1)) throw new Error(`maxBatch: at least 1 message, not ${maxBatch}`);
  const claims = new Claims(retentionDays);
  const deadLetters = new DeadLetters();
  const own = { claims, deadLetters, due: new DueTable(), suspectsTurn: new Turn() };
  const parts = { ...given, system, limits, maxBatch, companyMs, lingerMs, batchesAtOnce, perKey, concurrency, ...own };
  const { database, handlers, log } = parts;
  await claims.keepPartitions(database);

  const worker = new DueWorker(parts);
  const inbox = new Inbox({ ...parts, doer: worker });
  const replays = new DeadLetterReplays(parts);
  const replayer = new DeadLetterReplayer({ ...parts, replays, types: handlers.types, onDue: () => worker.wake() });
  const keepTidy = async () => {
    try {
      await claims.keepPartitions(database);
      await deadLetters.forgetClosed(database.manager);
    } catch (error) {
      log.warn({ event: 'upkeep_failed', error: String(error) }, `upkeep of the inbox: ${String(error)}`);
    }
  };
  const upkeep = setInterval(() => void keepTidy(), UPKEEP_EVERY_MS);
  worker.start();
  replayer.start();
  return {
    receive: inbox.receive,
    claims,
    replays,
    wake() {
      worker.wake();
      replayer.wake();
    },
    async stop() {
      clearInterval(upkeep);
      await replayer.stop();
      await worker.stop();
    },
  };
}
