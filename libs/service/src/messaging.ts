import type { DataSource } from 'typeorm';
import { choreography } from '#libs/contracts';
import { startInbox, story, type DeadLetterReplays, type Limits, type RunningInbox, type Told } from '#libs/inbox';
import {
  MessagingMetrics,
  systemOf,
  type Consumer,
  type Delivery,
  type Handlers,
  type Publisher,
  type Source,
  type Subscriber,
  type Subscription,
  type Transport,
} from '#libs/messaging';
import { Relay, type Outbox } from '#libs/outbox';
import type { Log } from './log.js';
import { oldestOf, replay, type Replayed } from './replay.js';
import type { Settings } from './settings.js';

export interface MessagingParts {
  readonly settings: Settings;
  readonly database: DataSource;
  readonly outbox: Outbox;
  readonly transport: Transport;
  readonly log: Log;
  /** Whether handlers touch nothing but what belongs to the key of their message. */
  readonly perKey: boolean;
  /** Neither publishes nor subscribes. */
  readonly isolated: boolean;
}

interface Running {
  readonly handlers: Handlers;
  readonly inbox: RunningInbox;
}

/** Connections left for requests, relay and due work, where small batches take the others. */
const OTHER_CONNECTIONS = 2;

/** All that runs between a service's database and the store: inbox, due work, relay. Started with the service, stopped in order. */
export class Messaging implements Consumer {
  private readonly metrics: MessagingMetrics;
  private readonly system: string;
  private running: Running | undefined;
  private relay: Relay | undefined;
  private publisher: Publisher | undefined;
  private subscriber: Subscriber | undefined;
  private subscribed = false;
  private stopping = false;

  constructor(private readonly parts: MessagingParts) {
    this.system = systemOf(parts.transport.name);
    this.metrics = new MessagingMetrics(this.system, parts.settings.service);
  }

  /** Deliveries can arrive. */
  get ready(): boolean {
    return this.subscribed;
  }

  /** Builds the pipeline; resolves before the store is there: the service answers HTTP meanwhile. */
  async start(handlers: Handlers): Promise<void> {
    const { settings, isolated, transport, ...rest } = this.parts;
    const inbox = await startInbox({
      ...rest,
      service: settings.service,
      handlers,
      metrics: this.metrics,
      system: this.system,
      limits: limitsOf(settings),
      maxBatch: settings.BATCH_SIZE,
      companyMs: settings.BATCH_COMPANY_MS,
      lingerMs: settings.BATCH_LINGER_MS,
      batchesAtOnce: settings.DATABASE_POOL - OTHER_CONNECTIONS,
      concurrency: settings.COMMAND_CONCURRENCY,
      retentionDays: settings.INBOX_RETENTION_DAYS,
    });
    this.running = { handlers, inbox };
    if (isolated) return;
    void this.connect().catch((error: unknown) => {
      // A stop amid the start ends it so.
      if (this.stopping) return;
      this.parts.log.fatal({ event: 'transport_failed', err: error }, `${transport.name}: ${(error as Error).message}`);
      process.exitCode = 1;
      process.kill(process.pid, 'SIGTERM');
    });
  }

  /** What the store would hand over; for tests and replays. */
  receive(batch: readonly Delivery[]): Promise<void> {
    return this.started.inbox.receive(batch);
  }

  /** Hands over what the store has of a time on and the inbox does not know. Duplicates of a replay are no duplicates of the broker: nobody counts them as such. */
  async replay(from: Date, options: { dryRun: boolean; signal: AbortSignal }): Promise<readonly Replayed[]> {
    const { transport, database, log } = this.parts;
    const { claims } = this.started.inbox;
    const history = transport.history(this.subscription.sources, from);
    const receive = (batch: readonly Delivery[]) => this.receive(batch);
    const types = await replay({ history, claims, database: database.manager, receive }, options);
    if (!options.dryRun)
      log.info({ event: 'replayed', from, types }, `replayed what was stored from ${from.toISOString()} on`);
    return types;
  }

  /** Has the store feed another group with what this service reacts to. Tells how many messages wait for it, and of when the oldest is, if any. */
  async createGroup(name: string, from: Date): Promise<{ messages: number; oldest?: Date }> {
    const { transport } = this.parts;
    // First: where this fails, there is no group.
    const oldest = await oldestOf(transport.history(this.subscription.sources, from));
    const messages = await transport.createGroup({ ...this.subscription, service: name }, from);
    return { messages, ...(oldest ? { oldest } : {}) };
  }

  /** What is needed to replay dead letters; whoever creates a replay calls `wake`. */
  get forDeadLetters(): { readonly handlers: Handlers; readonly replays: DeadLetterReplays } {
    const { handlers, inbox } = this.started;
    return { handlers, replays: inbox.replays };
  }

  /** Types of all messages that are handled here. */
  get types(): readonly string[] {
    return this.running?.handlers.types ?? [];
  }

  /** What became of messages here. */
  story(asked: { readonly ids: readonly string[]; readonly key?: string | undefined }): Promise<readonly Told[]> {
    return story(this.parts.database.manager, this.started.inbox.claims, asked);
  }

  /** Something may be due, or to be replayed. */
  wake(): void {
    this.running?.inbox.wake();
  }

  /** Takes no more deliveries, finishes those that run. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.subscribed = false;
    await this.subscriber?.close();
  }

  /** After `stop`: finishes due work that runs, publishes what it can, lets go of the store. */
  async drain(): Promise<void> {
    await this.running?.inbox.stop();
    await this.relay?.stop();
    await this.publisher?.close();
    await this.parts.transport.close();
  }

  private get started(): Running {
    if (!this.running) throw new Error('messaging has not started');
    return this.running;
  }

  private get subscription(): Subscription {
    return this.started.handlers.subscriptionOf(this.parts.settings.CONSUMER_GROUP);
  }

  private async connect(): Promise<void> {
    const { settings, transport, outbox, log } = this.parts;
    this.publisher = await transport.publisher();
    const relay = new Relay({
      url: settings.DATABASE_URL,
      publisher: this.publisher,
      log,
      metrics: this.metrics,
      system: this.system,
      beatMs: settings.PUBLISH_BEAT_MS,
    });
    this.relay = relay;
    outbox.onCommitted((rows) => relay.wake(rows));
    if (this.stopping) return;
    if (settings.PUBLISH) relay.start();
    else log.warn({ event: 'publishing_off' }, 'PUBLISH=false: what is stated stays in the outbox');
    this.subscriber = await transport.subscriber();
    if (this.stopping) return this.subscriber.close();
    await this.subscriber.subscribe(this.subscription, (batch, joinable) =>
      this.started.inbox.receive(batch, joinable),
    );
    if (this.stopping) return;
    this.subscribed = true;
    log.info({ event: 'subscribed', transport: transport.name }, `receives events from ${transport.name}`);
    this.compareWithChoreography();
  }

  /** By the name of the service, whatever group it works for: the subscription of the group is made of the same. */
  private compareWithChoreography(): void {
    const { log, settings } = this.parts;
    for (const [difference, consequence] of differencesOf(this.started.handlers.subscriptionOf(settings.service))) {
      log.warn(
        { event: 'choreography_stale' },
        `choreography.ts ${difference}: write it anew (libs/choreography/README.md). ${consequence}`,
      );
    }
  }
}

/** What the generated choreography says otherwise than a service's reactions, each with what comes of it. */
function differencesOf({ service, sources }: Subscription): [difference: string, consequence: string][] {
  const missed = `Until then, what services state that start before ${service} may never reach it`;
  const known = choreography.find((one) => one.service === service);
  if (!known) return sources.length > 0 ? [[`does not know ${service}`, missed]] : [];
  const differences: [string, string][] = [];
  const missing = without(sources, known.sources);
  if (missing.length > 0) differences.push([`does not say that ${service} reacts to ${missing.join(', ')}`, missed]);
  const left = without(known.sources, sources);
  const setAside =
    'On RabbitMQ such events arrive until they are unbound as well (libs/rabbitmq/README.md), and are set aside as unknown_type';
  if (left.length > 0) differences.push([`says that ${service} reacts to ${left.join(', ')}`, setAside]);
  return differences;
}

/** Types of those that are not among the others. */
function without(sources: readonly Source[], others: readonly Source[]): string[] {
  const isAmongOthers = ({ topic, type }: Source) => others.some((one) => one.topic === topic && one.type === type);
  return sources.flatMap((source) => (isAmongOthers(source) ? [] : source.type));
}

function limitsOf({ RETRY_ATTEMPTS, RETRY_BASE_MS, RETRY_CAP_MS, REACTION_TIMEOUT_MS }: Settings): Limits {
  return {
    retry: { attempts: RETRY_ATTEMPTS, baseMs: RETRY_BASE_MS, capMs: RETRY_CAP_MS },
    timeoutMs: REACTION_TIMEOUT_MS,
  };
}
