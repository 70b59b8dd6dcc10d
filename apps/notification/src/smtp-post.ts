import { createTransport, type SendMailOptions } from 'nodemailer';
import { Hopeless } from '#libs/messaging';
import type { Post } from './post.js';

/**
 * A connection for each letter: as many at once as commands run at once, and none to be looked after while nothing is to be sent.
 * The server's 250 is the moment at which a letter is out of our hands.
 */
export class SmtpPost implements Post {
  private readonly transport;

  constructor(url: string) {
    this.transport = createTransport({
      url,
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 30_000,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  }

  async take(_id: string, mail: SendMailOptions): Promise<void> {
    try {
      await this.transport.sendMail(mail);
    } catch (error) {
      throw isForGood(error) ? new Hopeless(`the mail server refused: ${(error as Error).message}`) : error;
    }
  }
}

/** Refused for what the letter is, not for who we are: wrong credentials are put right by somebody. */
function isForGood(error: unknown): boolean {
  const { code, responseCode } = error as { code?: string; responseCode?: number };
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode !== undefined && responseCode >= 500;
}
