import type { Transport } from '#libs/messaging';
import type { ServiceName } from '../platform/apps.js';

/** A running system as the checks look at it: its databases, its store, the provider's books, and the mail that went out. */
export interface System {
  databaseUrl(service: ServiceName): string;
  readonly providerUrl: string;
  /** Opens the store, to read what went through it. */
  openTransport(): Promise<Transport>;
  /** Ids of the commands of which mail went out, by its Message-IDs; absent where nobody can tell. */
  readonly sentMail?: () => Promise<readonly string[]>;
}

/** Goods of one product. */
export interface Level {
  readonly sku: string;
  readonly onHand: number;
  readonly reserved: number;
}
