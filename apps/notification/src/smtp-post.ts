import { createTransport, type SendMailOptions } from 'nodemailer';
import { Hopeless } from '#libs/messaging';
import type { Breaker, Breakers } from '#libs/service';
import type { Post } from './post.js';

/** The mail server did not take the letter, for reasons that may pass. */
class MailServerUnavailable extends Error {
  override readonly name = 'MailServerUnavailable';
  /** One mailbox is busy; the server is well. */
  readonly ofOneMailbox: boolean;

  constructor(cause: SmtpError) {
    super(cause.message, { cause });
    this.ofOneMailbox = cause.responseCode === MAILBOX_BUSY;
  }
}

type SmtpError = Error & { readonly code?: string; readonly responseCode?: number };
const MAILBOX_BUSY = 450;

/**
 * A connection for each letter: as many at once as commands run at once, and none to be looked after while nothing is to be sent.
 * The server's 250 is the moment at which a letter is out of our hands. While the server is down, letters are postponed.
 */
export class SmtpPost implements Post {
  private readonly transport;
  private readonly breaker: Breaker;

  constructor(url: string, breakers: Breakers) {
    this.breaker = breakers.make('smtp', (error) => error instanceof MailServerUnavailable && !error.ofOneMailbox);
    this.transport = createTransport({
      url,
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      socketTimeout: 30_000,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
  }

  take(_id: string, mail: SendMailOptions): Promise<void> {
    return this.breaker.run(async () => {
      try {
        await this.transport.sendMail(mail);
      } catch (error) {
        const refusal = error as SmtpError;
        if (isForGood(refusal)) throw new Hopeless(`the mail server refused: ${refusal.message}`);
        throw new MailServerUnavailable(refusal);
      }
    });
  }
}

/** Refused for what the letter is, not for who we are: wrong credentials are put right by somebody. */
function isForGood({ code, responseCode }: SmtpError): boolean {
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode !== undefined && responseCode >= 500;
}
