import { accessSync, constants, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTransport, type SendMailOptions } from 'nodemailer';
import type { Post } from './post.js';

/** For want of a mail server: each letter becomes a file, named by its id and moved there whole; so it is there once at most, however often it is sent. */
export class FilePost implements Post {
  private readonly transport = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });

  /** @throws at once when the folder cannot be written to */
  constructor(private readonly folder: string) {
    try {
      mkdirSync(folder, { recursive: true });
      accessSync(folder, constants.W_OK);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw Object.assign(new Error(`MAIL_DIR: ${message}`, { cause: error }), { code });
    }
  }

  async take(id: string, mail: SendMailOptions): Promise<void> {
    const file = join(this.folder, `${id}.eml`);
    const { message } = await this.transport.sendMail(mail);
    const draft = join(this.folder, `.${id}.${process.pid}.draft`);
    this.write(draft, message as Buffer);
    renameSync(draft, file);
  }

  /** At once: a kilobyte is written sooner than a thread is woken for it. The folder may have been cleared away meanwhile. */
  private write(file: string, bytes: Buffer): void {
    try {
      writeFileSync(file, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      mkdirSync(this.folder, { recursive: true });
      writeFileSync(file, bytes);
    }
  }
}
