import { Body, Controller, HttpCode, Inject, Post, UseGuards, type OnModuleDestroy } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { isDatabaseDown } from '#libs/inbox';
import { GroupExists } from '#libs/messaging';
import { OpsGuard } from './ops.js';
import type { Messaging } from './messaging.js';
import { service, thisService, time } from './ops.requests.js';
import { Problem, storeUnavailable } from './problem.js';
import { ReplayInterrupted, type Replayed } from './replay.js';
import { groupName, otherGroups, type Settings } from './settings.js';
import { MESSAGING, SETTINGS } from './tokens.js';

const ReplayBody = z.strictObject({ service, from: time, dryRun: z.boolean().default(false) });
const GroupBody = z.strictObject({ service, name: groupName, from: time });

/** What the store still has, handed to this service again, or to a new consumer group of its reactions. */
@ApiTags('operations')
@ApiBearerAuth()
@UseGuards(OpsGuard)
@Controller('ops')
export class ReplayController implements OnModuleDestroy {
  private readonly stopping = new AbortController();
  private running = false;

  constructor(
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {}

  /** A replay ends with the batch that it is at. */
  onModuleDestroy(): void {
    this.stopping.abort();
  }

  /** Answers at the end, with counts per type. What the inbox knows has no effect; a replay that broke off may be repeated. */
  @Post('replay')
  @HttpCode(200)
  async replay(
    @Body({ schema: ReplayBody }) { service: asked, from, dryRun }: z.output<typeof ReplayBody>,
  ): Promise<object> {
    thisService(this.settings, asked);
    if (this.running) {
      throw new Problem({ status: 409, type: 'replay-running', title: 'A replay is running here; wait for its end' });
    }
    this.running = true;
    try {
      const types: readonly Replayed[] = await this.messaging.replay(from, { dryRun, signal: this.stopping.signal });
      return { service: this.settings.service, group: this.settings.CONSUMER_GROUP, from, dryRun, types };
    } catch (error) {
      throw storeProblem(error);
    } finally {
      this.running = false;
    }
  }

  /** Answers with the number of messages that wait for the new group. */
  @Post('groups')
  @HttpCode(201)
  async createGroup(
    @Body({ schema: GroupBody }) { service: asked, name, from }: z.output<typeof GroupBody>,
  ): Promise<object> {
    thisService(this.settings, asked);
    if ([...otherGroups(this.settings.service), this.settings.service].includes(name)) {
      throw groupExists(`${name} is the name of a service`);
    }
    try {
      return { service: this.settings.service, name, from, ...(await this.messaging.createGroup(name, from)) };
    } catch (error) {
      throw error instanceof GroupExists ? groupExists(error.message) : storeProblem(error);
    }
  }
}

function groupExists(message: string): Problem {
  return new Problem({
    status: 409,
    type: 'group-exists',
    title: 'This name is taken',
    errors: [{ field: 'name', message }],
  });
}

function storeProblem(error: unknown): unknown {
  if (error instanceof Problem || isDatabaseDown(error)) return error;
  const { message } = error as Error;
  if (error instanceof ReplayInterrupted) {
    return new Problem({
      status: 503,
      type: 'stopping',
      title: 'The replay broke off; begin it again',
      detail: message,
    });
  }
  return storeUnavailable(error);
}
