import { Inject, Injectable } from '@nestjs/common';
import type { SendMailOptions } from 'nodemailer';
import { Variables } from '#libs/service';
import type { Letter } from './letters.js';
import { POST, type Post } from './post.js';
import type { NotificationVariables } from './variables.js';

const REMEMBERED = 10_000;

/** Hands letters to the post, each command's once. */
@Injectable()
export class Mailer {
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly handedOver = new Set<string>();

  constructor(
    @Inject(POST) private readonly post: Post,
    @Variables() private readonly variables: NotificationVariables,
  ) {}

  /**
   * Resolves with the Message-ID once the post has the letter. That follows from the command's id, so that a letter that has to be sent
   * again, after a crash before its sending was recorded, can be told from a new one by whoever receives it. Calls of one command share what is under way.
   */
  async send(commandId: string, { to, subject, text }: Letter): Promise<string> {
    const from = this.variables.MAIL_FROM;
    const messageId = `<${commandId}@${domainOf(from)}>`;
    if (this.handedOver.has(commandId)) return messageId;
    const mail = {
      from,
      to: { name: to.name, address: to.email },
      subject,
      text,
      messageId,
      headers: { 'Auto-Submitted': 'auto-generated' },
    };
    await (this.underWay.get(commandId) ?? this.handOver(commandId, mail));
    return messageId;
  }

  private handOver(commandId: string, mail: SendMailOptions): Promise<void> {
    const handing = this.post
      .take(commandId, mail)
      .then(() => this.remember(commandId))
      .finally(() => this.underWay.delete(commandId));
    this.underWay.set(commandId, handing);
    return handing;
  }

  /** When the database fails after the post took the letter, the command is tried again in this process. */
  private remember(commandId: string): void {
    this.handedOver.add(commandId);
    if (this.handedOver.size <= REMEMBERED) return;
    const [oldest] = this.handedOver;
    this.handedOver.delete(oldest!);
  }
}

function domainOf(from: string): string {
  return /@([^@>\s]+)>?\s*$/.exec(from)![1]!;
}
