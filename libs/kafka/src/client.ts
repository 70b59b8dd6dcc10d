import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import type { TransportLog } from '#libs/messaging';
import { Connections } from './connections.js';
import { crashOnFailedJoin } from './failed-joins.js';
import { gzipSmallBatchesAtOnce } from './gzip.js';
import { LibraryLog } from './library-log.js';
import { quietTimers } from './quiet-timers.js';
import { endStoppedConsumers } from './stopped-consumers.js';
import { reasonOf } from './reason.js';
import type { ResolvedSettings } from './settings.js';

quietTimers();
gzipSmallBatchesAtOnce();
endStoppedConsumers();
crashOnFailedJoin();

/** All of it set, since kafkajs has other defaults where NODE_ENV is `test`. */
const retry = { initialRetryTime: 100, factor: 0.2, multiplier: 2, maxRetryTime: 1_000, retries: 5 };

/** One kafkajs client, to be given up as a whole. */
export class Client {
  readonly connections = new Connections();
  readonly kafka: Kafka;
  private readonly libraryLog: LibraryLog;

  constructor(settings: ResolvedSettings, instance: string, log: TransportLog) {
    this.libraryLog = new LibraryLog(log);
    this.kafka = new Kafka({
      clientId: instance,
      brokers: settings.brokers,
      ssl: settings.ssl,
      ...(settings.sasl ? { sasl: settings.sasl } : {}),
      connectionTimeout: 3_000,
      authenticationTimeout: 5_000,
      requestTimeout: 5_000,
      socketFactory: this.connections.factory,
      logLevel: logLevel.INFO,
      logCreator: this.libraryLog.creator,
      retry,
    });
  }

  /** In one line, what is wrong. */
  reason(error: unknown): string {
    return reasonOf(error, this.libraryLog.lastError);
  }

  /** Lets `disconnect` say goodbye if it can do so in time, and cuts what is left. */
  async end(disconnect: () => Promise<void>, withinMs = 2_000): Promise<void> {
    await Promise.race([disconnect().catch(() => {}), pause(withinMs, undefined, { ref: false })]);
    this.connections.cut();
  }
}
