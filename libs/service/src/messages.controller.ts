import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import type { Handling } from '#libs/inbox';
import type { Messaging } from './messaging.js';
import { MESSAGING } from './tokens.js';

const Ids = z.strictObject({
  ids: z
    .string()
    .transform((ids) => ids.split(','))
    .pipe(z.array(z.uuid()).min(1).max(100)),
});

@ApiTags('operations')
@Controller('messages')
export class MessagesController {
  constructor(@Inject(MESSAGING) private readonly messaging: Messaging) {}

  /** What became of messages in this service: attempts, duplicates, time. Those it never saw are left out. */
  @Get()
  show(@Query({ schema: Ids }) { ids }: z.output<typeof Ids>): Promise<readonly Handling[]> {
    return this.messaging.story(ids);
  }
}
