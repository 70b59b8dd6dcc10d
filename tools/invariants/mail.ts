import { readdir } from 'node:fs/promises';
import type { Databases } from './databases.js';
import { getPage } from './reach.js';

/** What went out and what was recorded are the same. One mail that the server took twice has one Message-ID, and is SMTP's limit. */
export async function mailViolations(databases: Databases, sent: readonly string[]): Promise<string[]> {
  const letters = await databases.query<{ order: string; kind: string; command: string }>(
    'notification',
    'select order_id as order, kind, command_id as command from letter',
  );
  const recorded = new Set(letters.map(({ command }) => command));
  const out = new Set(sent);
  return [
    ...letters
      .filter(({ command }) => !out.has(command))
      .map(({ order, kind }) => `order ${order}: ${kind} is recorded as sent, and no mail went out`),
    ...[...out].filter((id) => !recorded.has(id)).map((id) => `the mail of command ${id} went out and is not recorded`),
  ];
}

/** Of a folder that letters are written to for want of a mail server. */
export async function mailIn(folder: string): Promise<string[]> {
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return files.filter((file) => file.endsWith('.eml')).map((file) => file.slice(0, -'.eml'.length));
}

interface MailpitPage {
  readonly messages: readonly { readonly MessageID: string }[];
}

const PAGE = 1_000;

/** Of a mail server that keeps what it was given: Mailpit, by its API v1. */
export async function mailAt(mailpitUrl: string): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const url = `${mailpitUrl}/api/v1/messages?start=${found.length}&limit=${PAGE}`;
    const { messages } = await getPage<MailpitPage>(url, 'messages', 'Mailpit', '--mailpit');
    found.push(...messages.map(({ MessageID }) => MessageID.split('@')[0]!));
    if (messages.length < PAGE) return found;
  }
}
