import type { SendMailOptions } from 'nodemailer';

/** Takes letters to where they go. */
export interface Post {
  /**
   * Resolves once the letter is out of our hands; after a rejection it may be or not. `id` names it on every try.
   * @throws Hopeless when it will never be taken, Postponed when it was not tried
   */
  take(id: string, mail: SendMailOptions): Promise<void>;
}

export const POST = Symbol('post');
