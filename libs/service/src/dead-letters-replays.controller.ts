import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { ReplayProgress } from '#libs/inbox';
import { asProblem, noSuchReplay } from './dead-letters.problems.js';
import { Id, ReplayBody, ReplaysBody, ServiceQuery } from './dead-letters.requests.js';
import type { Messaging } from './messaging.js';
import { OpsGuard } from './ops.js';
import { thisService } from './ops.requests.js';
import type { Settings } from './settings.js';
import { MESSAGING, SETTINGS } from './tokens.js';

/** Replays of many letters: a frozen selection, so many a second, one ahead of the rest. They survive the process. */
@ApiTags('dead letters')
@ApiBearerAuth()
@UseGuards(OpsGuard)
@Controller('ops/dead-letters/replays')
export class DeadLetterReplaysController {
  constructor(
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** Freezes the open letters that match and begins to hand them over. */
  @Post()
  @HttpCode(202)
  async create(@Body({ schema: ReplaysBody }) body: z.output<typeof ReplaysBody>): Promise<ReplayProgress> {
    const { service, filter, ...request } = body;
    thisService(this.settings, service);
    const replay = await asProblem(() => this.messaging.forDeadLetters.replays.create(filter, request));
    this.messaging.wake();
    return replay;
  }

  /** How far it is. */
  @Get(':id')
  async progress(
    @Param({ schema: Id }) { id }: z.output<typeof Id>,
    @Query({ schema: ServiceQuery }) { service }: z.output<typeof ServiceQuery>,
  ): Promise<ReplayProgress> {
    thisService(this.settings, service);
    const progress = await this.messaging.forDeadLetters.replays.progress(id);
    if (!progress) throw noSuchReplay(id);
    return progress;
  }

  /** Hands over no more of it; what was not handed over is open again. */
  @Post(':id/stop')
  @HttpCode(200)
  async stop(
    @Param({ schema: Id }) { id }: z.output<typeof Id>,
    @Body({ schema: ReplayBody }) { service }: z.output<typeof ReplayBody>,
  ): Promise<ReplayProgress> {
    thisService(this.settings, service);
    await this.messaging.forDeadLetters.replays.stop(id);
    this.messaging.wake();
    return this.progress({ id }, {});
  }
}
