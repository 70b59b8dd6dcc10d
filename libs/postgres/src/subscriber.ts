import type { HandleBatch, Subscriber, Subscription, TransportLog } from '#libs/messaging';
import { Lane } from './lane.js';
import type { Session } from './session.js';

export interface SubscriberSettings {
  readonly maxBatch: number;
  readonly pollMs: number;
  /** How often a session is used even while a batch runs, so that the server does not end it, and with it the hold on the service. */
  readonly heartbeatMs: number;
  readonly log: TransportLog;
  /** Opens a session on a log where the tables and the cursor of the subscription exist. */
  open(subscription: Subscription): Promise<Session>;
}

export class PostgresSubscriber implements Subscriber {
  private readonly lanes: Lane[] = [];

  constructor(private readonly settings: SubscriberSettings) {}

  async subscribe(subscription: Subscription, handle: HandleBatch): Promise<void> {
    const lane = new Lane(subscription, handle, this.settings);
    this.lanes.push(lane);
    await lane.ready;
  }

  async close(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.close()));
  }
}
