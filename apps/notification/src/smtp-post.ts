import { createTransport, type NodemailerError, type SendMailOptions } from 'nodemailer';
import { Hopeless } from '#libs/messaging';
import type { Breaker, Breakers } from '#libs/service';
import type { Post } from './post.js';

/** The mail server did not take the letter, for reasons that may pass. */
class MailServerUnavailable extends Error {
  override readonly name = 'MailServerUnavailable';

  constructor(
    cause: NodemailerError,
    /** One mailbox is busy, or closed to us; the server is well. */
    readonly ofOneMailbox: boolean,
  ) {
    super(cause.message, { cause });
  }
}

/** By its text, since 5.7.1 to the recipient may also be said of the client, the sender or relaying. */
const REFUSES_MAILBOX = /^450|recipient address rejected/i;
/** So many of them refused with no letter taken in between speak of the server. */
const MANY_MAILBOXES = 5;
/** No credentials, no TLS, no leave to relay or to use the sender's address; some servers say so of the recipient (RFC 3463: 5.7, 5.1.7, 5.1.8). */
const REFUSES_US = /^530|^5\d\d[ -]5\.(7\.|1\.[78]\b)/;

/** Until the server asks for the letter nothing can be sent twice, so whoever gives up early loses nothing. */
const UNTIL_DATA_MS = 60_000;

/**
 * A connection for each letter: as many at once as commands run at once, and none to be looked after while nothing is to be sent.
 * The server's 250 is the moment at which a letter is out of our hands. While the server is down, letters are postponed.
 */
export class SmtpPost implements Post {
  private readonly breaker: Breaker;
  /** Mailboxes, since the server last took a letter. */
  private readonly refused = new Set<string>();

  constructor(
    private readonly url: string,
    breakers: Breakers,
    private readonly untilDataMs = UNTIL_DATA_MS,
  ) {
    this.breaker = breakers.make('smtp', (error) => error instanceof MailServerUnavailable && !error.ofOneMailbox);
  }

  take(_id: string, mail: SendMailOptions): Promise<void> {
    return this.breaker.run(async () => {
      try {
        await this.send(mail);
        this.refused.clear();
      } catch (error) {
        const refusal = error as NodemailerError;
        if (isForGood(refusal)) throw new Hopeless(`the mail server refused: ${refusal.message}`);
        throw new MailServerUnavailable(refusal, this.isOfOneMailbox(refusal));
      }
    });
  }

  /** Remembers whose it is. */
  private isOfOneMailbox({ response = '', rejected = [] }: NodemailerError): boolean {
    if (rejected.length === 0 || !REFUSES_MAILBOX.test(response)) return false;
    if (this.refused.size < MANY_MAILBOXES) for (const mailbox of rejected) this.refused.add(mailbox);
    return this.refused.size < MANY_MAILBOXES;
  }

  private async send(mail: SendMailOptions): Promise<void> {
    const late = new AbortController();
    const giveUp = () =>
      late.abort(new Error(`the mail server did not ask for the letter within ${this.untilDataMs} ms`));
    const timer = setTimeout(giveUp, this.untilDataMs);
    const transport = createTransport({
      url: this.url,
      connectionTimeout: 10_000,
      greetingTimeout: 10_000,
      // RFC 5321, 4.5.3.2.6: whoever gives the answer to DATA less time sends the letter twice.
      socketTimeout: 600_000,
      disableFileAccess: true,
      disableUrlAccess: true,
    });
    transport.use('stream', ({ message }, done) => {
      message.processFunc((letter) => letter.once('resume', () => clearTimeout(timer)));
      done();
    });
    try {
      await transport.sendMail({ ...mail, signal: late.signal });
    } catch (error) {
      throw late.signal.reason ?? error;
    } finally {
      clearTimeout(timer);
      transport.close();
    }
  }
}

/** Refused for what the letter is, not for who we are: wrong credentials, or a wrong sender, are put right by somebody. */
function isForGood({ code, command, permanent = false, response = '' }: NodemailerError): boolean {
  if (code === 'EMESSAGE') return permanent;
  return code === 'EENVELOPE' && permanent && command !== 'MAIL FROM' && !REFUSES_US.test(response);
}
