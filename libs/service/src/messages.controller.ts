import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Told } from '#libs/inbox';
import type { Messaging } from './messaging.js';
import { service, thisService } from './ops.requests.js';
import type { Settings } from './settings.js';
import { MESSAGING, SETTINGS } from './tokens.js';

const Asked = z
  .strictObject({
    ids: z
      .string()
      .transform((ids) => ids.split(','))
      .pipe(z.array(z.uuid()).min(1).max(100))
      .optional(),
    key: z.string().min(1).max(200).optional(),
    service,
  })
  .refine(({ ids, key }) => ids !== undefined || key !== undefined, 'ids, key or both say what is asked for');

@ApiTags('operations')
@Controller('messages')
export class MessagesController {
  constructor(
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /**
   * What became of messages in this service: attempts, duplicates, time. Those it never saw are left out. With a key, also whatever waits or
   * was set aside of it.
   */
  @Get()
  show(@Query({ schema: Asked }) { ids = [], key, service: asked }: z.output<typeof Asked>): Promise<readonly Told[]> {
    thisService(this.settings, asked);
    return this.messaging.story({ ids, key });
  }
}
