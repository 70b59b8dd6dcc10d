import type { ChannelModel } from 'amqplib';
import { setTimeout as pause } from 'node:timers/promises';
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
import { readyIn, unsettledIn } from './backlog.js';
import { createGroup } from './group.js';
import { history } from './history.js';
import { Link } from './link.js';
import { EVENTS, LOG, queueOf } from './names.js';
import { RabbitPublisher } from './rabbit-publisher.js';
import { RabbitSubscriber } from './rabbit-subscriber.js';
import { withDefaults, type RabbitSettings, type Settings } from './settings.js';
import { assertTopology, onChannel } from './topology.js';

/** Connects when it is first used. @throws when the url cannot be one of RabbitMQ */
export function createRabbitTransport(settings: RabbitSettings, options: TransportOptions): Transport {
  return new RabbitTransport(withDefaults(settings), options);
}

export class RabbitTransport implements Transport {
  readonly name = 'rabbitmq';
  readonly features: TransportFeatures;
  private readonly topology: Map<string, Subscription>;
  private readonly publishers: RabbitPublisher[] = [];
  private readonly subscribers: RabbitSubscriber[] = [];
  /** For questions: backlog and ping. */
  private readonly control: Link;
  /** Of groups that are being created. */
  private readonly creating = new Set<Link>();
  private settingUp: Promise<void> | undefined;
  private repairing: Promise<void> | undefined;

  constructor(
    private readonly settings: Settings,
    private readonly options: TransportOptions,
  ) {
    this.features = { sharedAmongReplicas: true, lanes: settings.lanes, durable: true };
    this.topology = new Map(options.topology.map((subscription) => [subscription.service, subscription]));
    this.control = this.link('control');
  }

  async publisher(): Promise<Publisher> {
    const publisher = new RabbitPublisher(this.link('publish'), this.settings, this.options.log);
    this.publishers.push(publisher);
    return publisher;
  }

  async subscriber(): Promise<Subscriber> {
    const { settings, options } = this;
    const subscriber = new RabbitSubscriber(this.link('subscribe'), {
      settings,
      options,
      know: (subscription) => this.know(subscription),
      assert: (connection, service) => this.assert(connection, [service]),
      repair: (connection) => this.repair(connection),
    });
    this.subscribers.push(subscriber);
    return subscriber;
  }

  async *history(sources: readonly Source[], from: Date): AsyncGenerator<readonly Delivery[]> {
    const connection = await this.inOrder();
    for await (const { deliveries } of history(connection, sources, from, this.options.maxBatch)) {
      if (deliveries.length > 0) yield deliveries;
    }
  }

  async createGroup(subscription: Subscription, from: Date): Promise<number> {
    await this.ping();
    const { settings, options } = this;
    // What is exclusive to a connection keeps two creations apart, of one process as well.
    const link = this.link('group');
    this.creating.add(link);
    try {
      return await createGroup(link, subscription, from, { settings, log: options.log });
    } finally {
      this.creating.delete(link);
      await link.close();
    }
  }

  async backlog(): Promise<readonly Backlog[]> {
    const { lanes, managementUrl } = this.settings;
    const places = [...this.topology.keys()].flatMap((service) =>
      Array.from({ length: lanes }, (_, lane) => ({ service, lane: queueOf(service, lane) })),
    );
    const queues = places.map(({ lane }) => lane);
    const counts = managementUrl
      ? await unsettledIn(managementUrl, this.settings, queues)
      : await this.ask(async (connection) => {
          const ready = await readyIn(connection, queues);
          return ready.map((count, n) => count + this.unsettledOf(queues[n] as string));
        });
    return places.map((place, n) => ({ ...place, messages: counts[n] ?? 0 }));
  }

  async ping(): Promise<void> {
    await this.inOrder();
  }

  async close(): Promise<void> {
    await Promise.all([this.control, ...this.creating].map((link) => link.close()));
  }

  /** Ends at once, as a killed process would: nothing is settled or handed back. For tests. */
  abort(): void {
    for (const member of [...this.publishers, ...this.subscribers, ...this.creating, this.control]) member.abort();
  }

  private link(purpose: string): Link {
    const name = `${this.options.instance} ${purpose}`;
    return new Link(this.settings, name, this.options.log, (connection) => this.setUp(connection));
  }

  /** Resolves where all exchanges and the stream are there. */
  private inOrder(): Promise<ChannelModel> {
    return this.ask((connection) =>
      onChannel(connection, async (channel) => {
        const exchanges = [EVENTS, ...this.topology.keys()];
        await Promise.all([channel.checkQueue(LOG), ...exchanges.map((exchange) => channel.checkExchange(exchange))]);
        return connection;
      }),
    );
  }

  /** A question is answered within five seconds or fails with the reason. What is missing is set up for the next one. */
  private async ask<T>(question: (connection: ChannelModel) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const answer = this.control.connection().then((connection) =>
      question(connection).catch(async (error) => {
        if ((error as { code?: number }).code === 404) await this.repair(connection);
        throw error;
      }),
    );
    const timeout = pause(5_000, undefined, { signal: late.signal }).then(() => {
      const why = this.control.problem?.message ?? 'no answer';
      throw new Error(`RabbitMQ at ${this.control.place} is out of reach: ${why}`);
    });
    try {
      return await Promise.race([answer, timeout]);
    } finally {
      late.abort();
      for (const loser of [answer, timeout]) loser.catch(() => {});
    }
  }

  private know(subscription: Subscription): Subscription {
    const { sources = [] } = this.topology.get(subscription.service) ?? {};
    const added = subscription.sources.filter(({ type }) => !sources.some((source) => source.type === type));
    const known = { ...subscription, sources: [...sources, ...added] };
    this.topology.set(subscription.service, known);
    return known;
  }

  /** Connections come up together: one of them does it for all that ask meanwhile. */
  private setUp(connection: ChannelModel): Promise<void> {
    this.settingUp ??= this.assert(connection).finally(() => (this.settingUp = undefined));
    return this.settingUp;
  }

  /** Sets up what is missing now: a set-up under way may be past it, so the next one is for all that ask meanwhile. */
  private repair(connection: ChannelModel): Promise<void> {
    if (!this.settingUp) return this.setUp(connection);
    this.repairing ??= this.settingUp
      .catch(() => {})
      .then(() => {
        this.repairing = undefined;
        return this.setUp(connection);
      });
    return this.repairing;
  }

  private assert(connection: ChannelModel, services = [...this.topology.values()]): Promise<void> {
    return assertTopology(connection, services, this.settings, this.control.place);
  }

  private unsettledOf(queue: string): number {
    return this.subscribers.reduce((sum, subscriber) => sum + subscriber.unsettledOf(queue), 0);
  }
}
