import type { EntityManager } from 'typeorm';
import type { CommandType, Envelope, EventType, MessageType, Stated } from '#libs/contracts';
import type { HandlerInfo, OutgoingMessage } from '#libs/messaging';
import type { Outbox, OutboxRow } from '#libs/outbox';
import { prepareCommands, type DueTable, type NewWork } from './due.js';

/** What reactions of one transaction returned, serialised and ready to be written. */
export class Effects {
  readonly events: OutgoingMessage[] = [];
  readonly commands: NewWork[] = [];
  private rows: readonly OutboxRow[] = [];

  constructor(
    private readonly outbox: Outbox,
    private readonly service: string,
  ) {}

  /** To be called within the span of the reaction: what it returned becomes that span's child. */
  add(outcome: unknown, cause: Envelope, { emits, reactsTo }: HandlerInfo): void {
    const stated = (Array.isArray(outcome) ? outcome : outcome ? [outcome] : []) as Stated[];
    for (const { of } of stated) {
      if (!emits.includes(of)) throw new UndeclaredEmit(of, reactsTo);
    }
    const events = stated.filter((one): one is Stated<EventType> => one.of.kind === 'event');
    const commands = stated.filter((one): one is Stated<CommandType> => one.of.kind === 'command');
    this.events.push(...this.outbox.prepare(events, { correlationId: cause.correlationId, causationId: cause.id }));
    this.commands.push(...prepareCommands(commands, cause, this.service));
  }

  async write(tx: EntityManager, due: DueTable): Promise<void> {
    this.rows = await this.outbox.write(tx, this.events);
    await due.add(tx, this.commands);
  }

  /** To be called once what was written is committed. */
  committed(): void {
    this.outbox.committed(this.rows);
  }
}

class UndeclaredEmit extends Error {
  override readonly name = 'UndeclaredEmit';
  constructor(of: MessageType, reactsTo: MessageType) {
    super(`the handler of ${reactsTo.type} returned ${of.type}; add it to its emits`);
  }
}
