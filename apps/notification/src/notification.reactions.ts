import type { EntityManager } from 'typeorm';
import {
  NotificationSent,
  OrderCancelled,
  OrderPlaced,
  SendEmail,
  ShipmentCreated,
  type Command,
  type Envelope,
} from '#libs/contracts';
import { Does, On, Reactions } from '#libs/messaging';
import { Mailer } from './mailer.js';
import { Notifications } from './notification.store.js';

/** Later than `SmtpPost` gives up: what is tried again, perhaps by another replica, is not to be under way any more. */
const SENDING_TIMEOUT_MS = 15 * 60_000;

@Reactions({ service: 'notification' })
export class NotificationReactions {
  constructor(
    private readonly notifications: Notifications,
    private readonly mailer: Mailer,
  ) {}

  @On(OrderPlaced, { emits: [SendEmail] })
  orderIsPlaced(order: Envelope<typeof OrderPlaced>, tx: EntityManager) {
    return this.notifications.orderIsPlaced(order.data, tx);
  }

  @On(ShipmentCreated, { emits: [SendEmail] })
  parcelIsOnItsWay(shipment: Envelope<typeof ShipmentCreated>, tx: EntityManager) {
    return this.notifications.parcelIsOnItsWay(shipment.data, tx);
  }

  @On(OrderCancelled, { emits: [SendEmail] })
  orderIsCancelled(order: Envelope<typeof OrderCancelled>, tx: EntityManager) {
    return this.notifications.orderIsCancelled(order.data, tx);
  }

  @Does(SendEmail, {
    emits: [NotificationSent],
    retry: { attempts: 50, baseMs: 500, capMs: 30_000 },
    timeoutMs: SENDING_TIMEOUT_MS,
  })
  async send(command: Command<typeof SendEmail>) {
    const messageId = await this.mailer.send(command.id, command.data);
    return (tx: EntityManager) => this.notifications.isSent(command.id, command.data, messageId, tx);
  }
}
