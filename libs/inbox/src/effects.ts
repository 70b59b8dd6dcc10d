import type { EntityManager } from 'typeorm';
import type { CommandType, Envelope, EventType, MessageType, Stated } from '#libs/contracts';
import type { Handler, OutgoingMessage } from '#libs/messaging';
import type { Outbox, OutboxRow } from '#libs/outbox';
import { toldApart } from './database-errors.js';
import { prepareCommands, type DueWork, type NewWork } from './due.js';
import { runWithin, type Limits } from './limits.js';

/** Does commands, and is told of new ones as they are written. */
export interface Doer {
  /** Sends the statement that writes commands; `taken` are those that it will begin at once when it hears that they are committed. */
  add(tx: EntityManager, commands: readonly NewWork[]): Promise<{ readonly taken: Promise<readonly DueWork[]> }>;
  committed(written: number, taken: readonly DueWork[]): void;
  failed(taken: readonly DueWork[]): void;
}

export interface EffectParts {
  readonly outbox: Outbox;
  readonly service: string;
  readonly limits: Limits;
  readonly doer: Doer;
}

/** What reactions of one transaction returned, serialised and ready to be written. */
export class Effects {
  private readonly events: OutgoingMessage[] = [];
  private readonly commands: NewWork[] = [];
  private rows: Promise<readonly OutboxRow[]> | undefined;
  private taken: Promise<readonly DueWork[]> | undefined;

  constructor(private readonly parts: EffectParts) {}

  /**
   * Runs the part of a handler that is in the transaction, and keeps what it returns. To be called within the span of the handler:
   * its messages become that span's children.
   */
  async run(tx: EntityManager, cause: Envelope, handler: Handler, part: () => Promise<unknown>): Promise<void> {
    this.add(await toldApart(tx, () => runWithin(this.parts.limits, handler, part, tx)), cause, handler);
  }

  private add(outcome: unknown, cause: Envelope, { emits, reactsTo }: Handler): void {
    const stated = (Array.isArray(outcome) ? outcome : outcome ? [outcome] : []) as Stated[];
    for (const { of } of stated) {
      if (!emits.includes(of)) throw new UndeclaredEmit(of, reactsTo);
    }
    const events = stated.filter((one): one is Stated<EventType> => one.of.kind === 'event');
    const commands = stated.filter((one): one is Stated<CommandType> => one.of.kind === 'command');
    this.events.push(
      ...this.parts.outbox.prepare(events, { correlationId: cause.correlationId, causationId: cause.id }),
    );
    this.commands.push(...prepareCommands(commands, cause, this.parts.service));
  }

  /** The last of a transaction: COMMIT does not wait for the answer to it, `endingWith` does. */
  async write(tx: EntityManager): Promise<void> {
    ({ rows: this.rows } = await this.parts.outbox.write(tx, this.events));
    if (this.commands.length > 0) ({ taken: this.taken } = await this.parts.doer.add(tx, this.commands));
  }

  /** Has what was written go on its way once the transaction that wrote it is committed. */
  async endingWith<T>(transaction: Promise<T>): Promise<T> {
    const { outbox, doer } = this.parts;
    try {
      const result = await transaction;
      outbox.committed((await this.rows) ?? []);
      if (this.taken) doer.committed(this.commands.length, await this.taken);
      return result;
    } catch (error) {
      const taken = await this.taken?.catch(() => []);
      if (taken?.length) doer.failed(taken);
      throw error;
    }
  }
}

class UndeclaredEmit extends Error {
  override readonly name = 'UndeclaredEmit';
  constructor(of: MessageType, reactsTo: MessageType) {
    super(`the handler of ${reactsTo.type} returned ${of.type}; add it to its emits`);
  }
}
