import { Controller, Get, Param } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import { EntityManager } from 'typeorm';
import { z } from 'zod';
import { LetterKind } from '#libs/contracts';
import { Problem } from '#libs/service';
import { Notifications } from './notification.store.js';

const OrderId = z.uuid();
const NotificationsView = z.object({
  orderId: OrderId,
  notifications: z.array(
    z.object({
      kind: LetterKind,
      status: z.enum(['pending', 'sent']),
      messageId: z.string().optional(),
      sentAt: z.iso.datetime().optional(),
    }),
  ),
});

@ApiTags('notifications')
@Controller('notifications')
export class NotificationController {
  constructor(
    private readonly notifications: Notifications,
    private readonly database: EntityManager,
  ) {}

  @Get(':orderId')
  @ApiResponse({ status: 200, standardSchema: NotificationsView })
  async show(@Param('orderId', { schema: OrderId }) orderId: string): Promise<z.output<typeof NotificationsView>> {
    const notifications = await this.notifications.find(orderId, this.database);
    if (!notifications) {
      throw new Problem({
        status: 404,
        type: 'unknown-order',
        title: 'Nothing is known of this order',
        detail: `nothing was to be told about order ${orderId} so far`,
      });
    }
    return { orderId, notifications };
  }
}
