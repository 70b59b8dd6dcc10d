import type { ChannelModel } from 'amqplib';
import type { HandleBatch, Subscriber, Subscription, TransportOptions } from '#libs/messaging';
import { Lane } from './lane.js';
import type { Link } from './link.js';
import { queueOf, unfinishedOf } from './names.js';
import { prioritiesOf } from './priorities.js';
import type { Settings } from './settings.js';
import { onChannel, refuseForgottenLanes } from './topology.js';

/** What a subscriber needs of its transport. */
export interface Surroundings {
  readonly settings: Settings;
  readonly options: TransportOptions;
  /** Adds the subscription to what is set up on each connection, and tells all that is known of its service. */
  know(subscription: Subscription): Subscription;
  /** Sets up one service. */
  assert(connection: ChannelModel, service: Subscription): Promise<void>;
  /** Sets up whatever is missing, once for all who ask meanwhile. */
  repair(connection: ChannelModel): Promise<void>;
}

/** Reads all lanes of a service: the broker has one replica at a time work on each. */
export class RabbitSubscriber implements Subscriber {
  private readonly lanes: { readonly queue: string; readonly lane: Lane }[] = [];

  constructor(
    private readonly link: Link,
    private readonly surroundings: Surroundings,
  ) {}

  async subscribe(subscription: Subscription, handle: HandleBatch): Promise<void> {
    const { settings, know, repair } = this.surroundings;
    const { instance, log, maxBatch } = this.surroundings.options;
    const { service } = subscription;
    await this.prepare(know(subscription));
    const queues = Array.from({ length: settings.lanes }, (_, lane) => queueOf(service, lane));
    const priorities = prioritiesOf(instance, queues);
    // More than a few batches in stock would only take longer to hand over.
    const prefetch = Math.max(maxBatch, Math.min(settings.prefetch, 4 * maxBatch));
    const lanes = queues.map((queue) => ({
      queue,
      lane: new Lane(this.link, {
        service,
        queue,
        prefetch,
        maxBatch,
        deliveryLimit: settings.deliveryLimit,
        log,
        repair,
        handle: async (batch, joinable) => handle(batch, joinable),
        priority: priorities.get(queue) ?? 0,
      }),
    }));
    this.lanes.push(...lanes);
    await Promise.all(lanes.map(({ lane }) => lane.start()));
  }

  /** Deliveries held by this replica and not settled. */
  unsettledOf(queue: string): number {
    return this.lanes.reduce((sum, { queue: of, lane }) => sum + (of === queue ? lane.unsettled : 0), 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.lanes.map(({ lane }) => lane.stop()));
    await this.link.close();
  }

  abort(): void {
    for (const { lane } of this.lanes) lane.abort();
    this.link.abort();
  }

  private async prepare(subscription: Subscription): Promise<void> {
    const { settings, assert } = this.surroundings;
    const { service } = subscription;
    for (;;) {
      const connection = await this.link.connection();
      try {
        await refuseForgottenLanes(connection, service, settings, this.link.place);
        // The connection may be older than this subscription.
        await assert(connection, subscription);
        // From here on the group holds what is in no history: nobody may take it for unfinished when its exchange is deleted.
        await onChannel(connection, (channel) => channel.deleteExchange(unfinishedOf(service)));
        return;
      } catch (error) {
        if (this.link.isUp(connection)) throw error;
      }
    }
  }
}
