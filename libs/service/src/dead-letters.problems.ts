import { LetterNotOpen, NothingToReplay, ReplayRunning, Unreadable, WrongBody } from '#libs/inbox';
import { Problem } from './problem.js';

export function noSuchLetter(id: string): Problem {
  return new Problem({ status: 404, type: 'no-such-dead-letter', title: `There is no dead letter ${id}` });
}

export function noSuchReplay(id: string): Problem {
  return new Problem({ status: 404, type: 'no-such-replay', title: `There is no replay ${id} of dead letters` });
}

/** As `work`; what a request cannot have is thrown as an answer, anything else as it is. */
export async function asProblem<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw problemOf(error);
  }
}

function problemOf(error: unknown): unknown {
  if (error instanceof ReplayRunning) {
    return new Problem({ status: 409, type: 'replay-running', title: sentence(error) });
  }
  if (error instanceof NothingToReplay) {
    return new Problem({ status: 404, type: 'nothing-to-replay', title: sentence(error) });
  }
  if (error instanceof LetterNotOpen) return new Problem({ status: 409, type: 'not-open', title: sentence(error) });
  if (error instanceof WrongBody || error instanceof Unreadable) {
    return new Problem({
      status: 422,
      type: 'wrong-body',
      title: 'This body cannot be handled',
      errors: [{ field: 'body', message: error.message.replaceAll(/\s*\n\s*/g, ' ') }],
    });
  }
  return error;
}

function sentence({ message }: Error): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}
