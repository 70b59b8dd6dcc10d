import { Body, Controller, Get, HttpCode, Inject, Param, Post, Query, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { DataSource } from 'typeorm';
import type { z } from 'zod';
import {
  DeadLetterView,
  discard,
  replaceBody,
  tryBody,
  type Change,
  type LetterGroup,
  type ReplayProgress,
  type WholeLetter,
} from '#libs/inbox';
import { asProblem, noSuchLetter } from './dead-letters.problems.js';
import {
  DiscardBody,
  EditBody,
  GroupsQuery,
  Id,
  ListQuery,
  ReplayBody,
  ServiceQuery,
} from './dead-letters.requests.js';
import { lineOf, wholeOf } from './dead-letters.views.js';
import type { Messaging } from './messaging.js';
import { OpsGuard } from './ops.js';
import { thisService } from './ops.requests.js';
import type { Settings } from './settings.js';
import { MESSAGING, SETTINGS } from './tokens.js';

type Asked<T extends z.ZodType> = z.output<T>;

/** A single letter is handed over as fast as can be. */
const ALONE = { ratePerSecond: 10, canary: false };

/** What this service could not handle: to be looked at, replayed, mended and replayed, or discarded. */
@ApiTags('dead letters')
@ApiBearerAuth()
@UseGuards(OpsGuard)
@Controller('ops/dead-letters')
export class DeadLettersController {
  private readonly view: DeadLetterView;

  constructor(
    private readonly database: DataSource,
    @Inject(MESSAGING) private readonly messaging: Messaging,
    @Inject(SETTINGS) private readonly settings: Settings,
  ) {
    this.view = new DeadLetterView(database.manager);
  }

  /** The newest first; `cursor` of the answer asks for those that follow. */
  @Get()
  async list(@Query({ schema: ListQuery }) query: Asked<typeof ListQuery>): Promise<object> {
    const { service, state, limit, cursor, ...filter } = query;
    thisService(this.settings, service);
    const letters = await this.view.list(filter, {
      ...(state === 'all' ? {} : { state }),
      before: cursor,
      limit: limit + 1,
    });
    const page = letters.slice(0, limit);
    const next = letters.length > limit ? page.at(-1)?.id : undefined;
    return { service: this.settings.service, letters: page.map(lineOf), ...(next ? { cursor: next } : {}) };
  }

  /** Open letters by what went wrong: one line per cause. */
  @Get('groups')
  async groups(
    @Query({ schema: GroupsQuery }) { service, limit, ...filter }: Asked<typeof GroupsQuery>,
  ): Promise<{ service: string; groups: readonly LetterGroup[] }> {
    thisService(this.settings, service);
    return { service: this.settings.service, groups: await this.view.groups(filter, limit) };
  }

  /** Headers, body, errors with their stacks, and what was done to it. */
  @Get(':id')
  async show(
    @Param({ schema: Id }) { id }: Asked<typeof Id>,
    @Query({ schema: ServiceQuery }) { service }: Asked<typeof ServiceQuery>,
  ): Promise<object> {
    thisService(this.settings, service);
    return wholeOf(await this.letter(id));
  }

  /** Hands it to this service again. Answers with the replay, which goes on meanwhile. */
  @Post(':id/replay')
  @HttpCode(202)
  async replay(
    @Param({ schema: Id }) { id }: Asked<typeof Id>,
    @Body({ schema: ReplayBody }) { service, by }: Asked<typeof ReplayBody>,
  ): Promise<{ replay: ReplayProgress }> {
    thisService(this.settings, service);
    await this.letter(id);
    const { replays } = this.messaging.forDeadLetters;
    return this.begun(() => replays.create({ ids: [id] }, { ...ALONE, by }));
  }

  /** Replaces the body by one that its type accepts, writes down where they differ, and replays it. Dry, only tells where they differ. */
  @Post(':id/edit')
  @HttpCode(202)
  async edit(
    @Param({ schema: Id }) { id }: Asked<typeof Id>,
    @Body({ schema: EditBody }) { service, by, body, dryRun }: Asked<typeof EditBody>,
  ): Promise<{ diff: readonly Change[]; replay?: ReplayProgress }> {
    thisService(this.settings, service);
    const letter = await this.letter(id);
    const { handlers, replays } = this.messaging.forDeadLetters;
    const edited = Buffer.from(JSON.stringify(body));
    const diff = await asProblem(async () => tryBody(letter, edited, handlers));
    if (dryRun) return { diff };
    const { replay } = await this.begun(() =>
      this.database.transaction(async (tx) => {
        await replaceBody(tx, letter, edited, { diff, by });
        return replays.createIn(tx, { ids: [id] }, { ...ALONE, by });
      }),
    );
    return { diff, replay };
  }

  /** Closes it for good: it is replayed no more. */
  @Post(':id/discard')
  @HttpCode(200)
  async discard(
    @Param({ schema: Id }) { id }: Asked<typeof Id>,
    @Body({ schema: DiscardBody }) { service, by, reason }: Asked<typeof DiscardBody>,
  ): Promise<object> {
    thisService(this.settings, service);
    await this.letter(id);
    await asProblem(() => this.database.transaction((tx) => discard(tx, id, { reason, by })));
    return lineOf(await this.letter(id));
  }

  private async letter(id: string): Promise<WholeLetter> {
    const letter = await this.view.show(id);
    if (!letter) throw noSuchLetter(id);
    return letter;
  }

  private async begun(begin: () => Promise<ReplayProgress>): Promise<{ replay: ReplayProgress }> {
    const replay = await asProblem(begin);
    this.messaging.wake();
    return { replay };
  }
}
