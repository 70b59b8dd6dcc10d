import type { DataSource } from 'typeorm';
import type { Handlers, MessagingMetrics, TransportLog } from '#libs/messaging';
import type { Outbox } from '#libs/outbox';
import type { Claims } from './claims.js';
import type { DeadLetters } from './dead-letters.js';
import type { DueTable } from './due.js';
import type { Limits } from './limits.js';
import type { Turn } from './turn.js';

/** What handling a message takes, whether it was just delivered or has been waiting. */
export interface HandlingParts {
  readonly service: string;
  readonly database: DataSource;
  readonly handlers: Handlers;
  readonly outbox: Outbox;
  readonly claims: Claims;
  readonly due: DueTable;
  readonly deadLetters: DeadLetters;
  readonly limits: Limits;
  /** Most messages of one transaction. */
  readonly maxBatch: number;
  /** While work piles up, what comes waits so long for company in its transaction, milliseconds. */
  readonly companyMs: number;
  /** Whether each handler touches nothing but what belongs to the key of its message. */
  readonly perKey: boolean;
  /** Had by what an earlier process may have died of, delivered or due: beside another such, nobody could tell which of the two kills. */
  readonly suspectsTurn: Turn;
  readonly log: TransportLog;
  readonly metrics: MessagingMetrics;
  /** The store's name by the semantic conventions. */
  readonly system: string;
}
