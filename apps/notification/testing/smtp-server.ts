import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

interface Received {
  readonly recipients: readonly string[];
  readonly subject: string;
  readonly raw: string;
}

/** What a server says that takes nothing. */
export interface Refusal {
  readonly at: 'MAIL FROM' | 'RCPT TO' | 'DATA';
  readonly code: number;
  readonly text: string;
}

type Answer = number | 'hang up' | { readonly lateByMs: number };

export interface TestSmtpServer {
  readonly url: string;
  /** All mails that came with this order's id, those included to which the answer got lost. */
  about(orderId: string): readonly Received[];
  /** What the next mails get in place of 250 at once. */
  answerNext(...answers: Answer[]): void;
  /** The address gets 550 from now on. */
  refuse(address: string): void;
  /** All mails get this refusal until called without one. */
  refuseAll(refusal?: Refusal): void;
  /** How many are open. */
  connections(): number;
  close(): Promise<void>;
}

/** A real SMTP server in this process that takes every mail, unless told otherwise. */
export async function startSmtpServer(): Promise<TestSmtpServer> {
  const received: Received[] = [];
  const answers: Answer[] = [];
  const refused = new Set<string>();
  let ofAll: Refusal | undefined;
  const refusalAt = (command: Refusal['at']) =>
    ofAll?.at === command ? Object.assign(new Error(ofAll.text), { responseCode: ofAll.code }) : undefined;
  const server = new SMTPServer({
    authOptional: true,
    disableReverseLookup: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    closeTimeout: 100,
    onMailFrom(_address, _session, done) {
      done(refusalAt('MAIL FROM'));
    },
    onRcptTo({ address }, _session, done) {
      const noSuchUser = Object.assign(new Error('5.1.1 no such user'), { responseCode: 550 });
      done(refused.has(address) ? noSuchUser : refusalAt('RCPT TO'));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const refusal = refusalAt('DATA');
        if (refusal) return done(refusal);
        const answer = answers.shift();
        if (typeof answer === 'number') return done(Object.assign(new Error('busy'), { responseCode: answer }));
        const recipients = session.envelope.rcptTo.map(({ address }) => address);
        const raw = Buffer.concat(chunks).toString('utf8');
        received.push({ recipients, subject: /^Subject: (.+)$/m.exec(raw)?.[1] ?? '', raw });
        if (answer === 'hang up') hangUp();
        else if (answer) setTimeout(done, answer.lateByMs);
        else done();
      });
    },
  });
  server.on('error', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  const hangUp = () => {
    for (const connection of server.connections) connection.close();
  };
  return {
    url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`,
    about: (orderId) => received.filter(({ raw }) => raw.includes(orderId)),
    answerNext: (...next) => void answers.push(...next),
    refuse: (address) => void refused.add(address),
    refuseAll: (refusal) => void (ofAll = refusal),
    connections: () => server.connections.size,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
