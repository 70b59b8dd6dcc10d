import type { Transport } from '#libs/messaging';
import { transportOf } from '#libs/service';
import { ask, type Unanswered } from '../ask.js';

/** What would have to be looked at is out of reach; the message says why, and what to do. */
export class NotChecked extends Error {
  override readonly name = 'NotChecked';
}

/** The store that these variables name, once it has answered. @throws NotChecked, WrongVariables */
export async function openStore(env: NodeJS.ProcessEnv): Promise<Transport> {
  const transport = await transportOf('invariants', env);
  try {
    await transport.ping();
    return transport;
  } catch (error) {
    await transport.close();
    throw new NotChecked(
      `the store ${transport.name} does not answer: ${reasonOf(error)}; start it, or name it by the variables that the services have`,
      { cause: error },
    );
  }
}

/** The page with this list that somebody answers who is where an option says. @throws NotChecked */
export async function getPage<Page>(url: string, list: keyof Page, who: string, option: string): Promise<Page> {
  const { origin } = new URL(url);
  const { status, body } = await ask(url).catch(({ why }: Unanswered) => {
    throw new NotChecked(`${who} does not answer at ${origin} (${why}); start it, or say where it is with ${option}`);
  });
  if (status !== 200) throw new NotChecked(`${who} at ${origin} answers ${status}`);
  const page = body as Page | null | undefined;
  if (page && Array.isArray(page[list])) return page;
  throw new NotChecked(`what answers at ${origin} is not ${who}; say where it is with ${option}`);
}

export function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || String(code);
}
