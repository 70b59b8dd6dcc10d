import { checked, decode, MalformedMessage, type Envelope, type Headers } from '#libs/contracts';
import type { Handler, Handlers } from '#libs/messaging';
import type { DeadLetterReason } from './dead-letters.js';

/** The message cannot be handled by this version of the service, whatever is tried. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable';
  constructor(
    readonly reason: DeadLetterReason,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Finds the handler of a message and checks the data against what the handler expects.
 * @throws Unreadable
 */
export function read(
  kind: 'event' | 'command',
  { headers, body }: { headers: Headers; body: Buffer },
  handlers: Handlers,
): { envelope: Envelope; handler: Handler } {
  try {
    const undecided = decode(headers, body);
    const handler = handlers.of(kind, undecided.type);
    if (!handler)
      throw new Unreadable('unknown_type', `nothing here reacts to ${undecided.type}; deploy what does, then replay`);
    const known = handler.reactsTo.version;
    if (undecided.version !== known) {
      throw new Unreadable(
        'unknown_version',
        `${undecided.type} v${undecided.version} arrived, this service knows v${known}; deploy it, then replay`,
      );
    }
    return { envelope: checked(handler.reactsTo, undecided), handler };
  } catch (error) {
    if (error instanceof MalformedMessage) throw new Unreadable('malformed', error.message);
    throw error;
  }
}
