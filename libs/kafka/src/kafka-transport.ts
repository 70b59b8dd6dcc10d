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
import { AdminConnection } from './admin.js';
import { backlogOf } from './backlog.js';
import { createGroup } from './group.js';
import { history, type Reading } from './history.js';
import { KafkaPublisher } from './publisher.js';
import { withDefaults, type KafkaSettings, type ResolvedSettings } from './settings.js';
import { KafkaSubscriber } from './subscriber.js';
import { Topics } from './topics.js';

/** Connects when first used; the store need not be there yet. */
export function createKafkaTransport(settings: KafkaSettings, options: TransportOptions): Transport {
  return new KafkaTransport(withDefaults(settings), options);
}

export class KafkaTransport implements Transport {
  readonly name = 'kafka';
  readonly features: TransportFeatures;
  private readonly admin: AdminConnection;
  private readonly topics: Topics;
  private readonly opened = new Set<KafkaPublisher | KafkaSubscriber>();

  constructor(
    private readonly settings: ResolvedSettings,
    private readonly options: TransportOptions,
  ) {
    this.features = { sharedAmongReplicas: true, lanes: settings.partitions, durable: true };
    this.admin = new AdminConnection(settings, options.instance, options.log);
    this.topics = new Topics(settings, this.admin, options.log);
  }

  async publisher(): Promise<Publisher> {
    const publisher = new KafkaPublisher(this.settings, this.options, this.topics);
    this.opened.add(publisher);
    return publisher;
  }

  async subscriber(): Promise<Subscriber> {
    const subscriber = new KafkaSubscriber(this.settings, this.options, this.topics);
    this.opened.add(subscriber);
    return subscriber;
  }

  async *history(sources: readonly Source[], from: Date): AsyncGenerator<readonly Delivery[]> {
    await this.topics.ensure(sources.map(({ topic }) => topic));
    yield* history(sources, from, this.reading);
  }

  async createGroup(subscription: Subscription, from: Date): Promise<number> {
    await this.topics.ensure(subscription.sources.map(({ topic }) => topic));
    return createGroup(subscription, from, this.reading);
  }

  async backlog(): Promise<readonly Backlog[]> {
    await this.topics.ensure(this.options.topology.flatMap(({ sources }) => sources.map(({ topic }) => topic)));
    return this.admin.ask((admin) => backlogOf(admin, this.options.topology));
  }

  async ping(): Promise<void> {
    await this.admin.ask((admin) => admin.describeCluster(), 3_000);
  }

  async close(): Promise<void> {
    await this.admin.close();
  }

  private get reading(): Reading {
    const { settings, admin } = this;
    const { instance, log, maxBatch } = this.options;
    return { settings, admin, instance, log, maxBatch };
  }

  /** What the end of the process does to its connections; for tests of what happens then. */
  abort(): void {
    for (const each of this.opened) each.abort();
    this.admin.abort();
  }
}
