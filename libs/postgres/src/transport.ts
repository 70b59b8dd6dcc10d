import type {
  Backlog,
  Delivery,
  Publisher,
  Source,
  Subscriber,
  Subscription,
  Transport,
  TransportFeatures,
  TransportOptions,
} from '#libs/messaging';
import { createGroup, history } from './history.js';
import { Link } from './link.js';
import { count, prepare, purge } from './log.js';
import { PostgresPublisher } from './publisher.js';
import { Session } from './session.js';
import { defaults, type PostgresSettings } from './settings.js';
import { PostgresSubscriber } from './subscriber.js';

/** A working replica lets itself be heard of this often at least: well before the server ends its session. */
const HEARTBEAT_MS = 3_000;

/** Opens no connection yet: whatever needs the log opens its own, and creates the tables where they are missing. */
export function createPostgresTransport(settings: PostgresSettings, options: TransportOptions): Transport {
  return new PostgresTransport(settings, options);
}

export class PostgresTransport implements Transport {
  readonly name = 'postgres';
  readonly features: TransportFeatures = { sharedAmongReplicas: false, lanes: 1, durable: true };
  private readonly settings: Required<PostgresSettings>;
  private readonly link = new Link(() => this.open('watch'));
  private readonly purging: NodeJS.Timeout;

  constructor(
    settings: PostgresSettings,
    private readonly options: TransportOptions,
  ) {
    this.settings = { ...defaults, ...settings };
    this.purging = setInterval(() => void this.purge(), this.settings.purgeEveryMs).unref();
  }

  async publisher(): Promise<Publisher> {
    return new PostgresPublisher(new Link(() => this.open('publish')));
  }

  async subscriber(): Promise<Subscriber> {
    const { maxBatch, log, topology } = this.options;
    const heartbeatMs = Math.min(HEARTBEAT_MS, this.settings.answerTimeoutMs);
    const pollMs = Math.min(this.settings.pollMs, heartbeatMs);
    const open = (subscription: Subscription) => this.open('subscribe', [...topology, subscription]);
    return new PostgresSubscriber({ maxBatch, log, pollMs, heartbeatMs, open });
  }

  history(sources: readonly Source[], from: Date): AsyncIterable<readonly Delivery[]> {
    return history(() => this.open('replay'), sources, from, this.options.maxBatch);
  }

  async createGroup(subscription: Subscription, from: Date): Promise<number> {
    return createGroup(() => this.open('replay'), subscription, from);
  }

  async backlog(): Promise<readonly Backlog[]> {
    return count(this.link, this.options.topology);
  }

  async ping(): Promise<void> {
    await this.link.query('select 1');
  }

  async close(): Promise<void> {
    clearInterval(this.purging);
    await this.link.close();
  }

  private async open(purpose: keyof typeof variablesFor, readers = this.options.topology): Promise<Session> {
    const { url, answerTimeoutMs } = this.settings;
    const session = await Session.open({
      url,
      answerTimeoutMs,
      applicationName: `farandole ${purpose} ${this.options.instance}`,
      variables: variablesFor[purpose](answerTimeoutMs),
    });
    try {
      await prepare(session, readers);
      return session;
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  private async purge(): Promise<void> {
    try {
      const once = () => purge(this.link, this.options.topology, this.settings.retentionMs);
      let deleted = 0;
      for (let more = await once(); more > 0; more = await once()) deleted += more;
      if (deleted > 0) this.options.log.debug({ deleted }, `deleted ${deleted} messages that everybody has read`);
    } catch (error) {
      this.options.log.debug({ error }, `deleted no old messages: ${(error as Error).message}`);
    }
  }
}

/** The log is read along its positions whatever the statistics of so lively a table say: sorting what lies ahead costs a hundred times as much. */
const readAlong = { enable_bitmapscan: 'off', enable_seqscan: 'off', plan_cache_mode: 'force_generic_plan' };

const variablesFor = {
  publish: () => ({}),
  watch: () => ({}),
  replay: () => readAlong,
  subscribe: (answerTimeoutMs: number) => ({
    // The hold on a service ends with the session, and a session that nothing is heard of ends: its replica may be cut off.
    idle_session_timeout: answerTimeoutMs * 2,
    // A cursor lost in a crash of the server means a redelivery, which the inbox is there for.
    synchronous_commit: 'off',
    ...readAlong,
  }),
};
