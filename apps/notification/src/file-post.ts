import { accessSync, constants, mkdirSync } from 'node:fs';
import { access, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport, type SendMailOptions } from 'nodemailer';
import type { Post } from './post.js';

/** For want of a mail server: each letter becomes a file, named by its id and written in one stroke; so it is there once at most. */
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
    if (await exists(file)) return;
    const { message } = await this.transport.sendMail(mail);
    const draft = join(this.folder, `.${id}.${process.pid}.draft`);
    await mkdir(this.folder, { recursive: true });
    await writeFile(draft, message as Buffer);
    await rename(draft, file);
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
