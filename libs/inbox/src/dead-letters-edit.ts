import type { EntityManager } from 'typeorm';
import type { Handlers } from '#libs/messaging';
import { changesBetween, type Change } from './dead-letters-diff.js';
import { digestOf } from './dead-letters.js';
import type { WholeLetter } from './dead-letters-view.js';
import { read } from './read.js';

/** The letter is not open: it is being replayed, was replayed or was discarded. */
export class LetterNotOpen extends Error {
  override readonly name = 'LetterNotOpen';
  constructor(id: string, state: string) {
    super(`dead letter ${id} is ${state}, not open`);
  }
}

/** The new body cannot be that of this message. */
export class WrongBody extends Error {
  override readonly name = 'WrongBody';
}

type Editable = Pick<WholeLetter, 'kind' | 'headers' | 'body'>;

/**
 * Where the new body differs from the letter's. Nothing is changed.
 * @throws Unreadable when it does not fit its type, WrongBody when it is of another key
 */
export function tryBody({ kind, headers, body }: Editable, edited: Buffer, handlers: Handlers): Change[] {
  const { envelope, handler } = read(kind, { headers, body: edited }, handlers);
  const key = handler.reactsTo.keyOf(envelope.data);
  if (key !== envelope.key) {
    throw new WrongBody(`the body is of ${key}, the message of ${envelope.key}: it would lose its place in the order`);
  }
  return changesBetween(jsonOf(body), jsonOf(edited));
}

/** Replaces the body of an open letter and writes down what was changed by whom. @throws LetterNotOpen, WrongBody */
export async function replaceBody(
  tx: EntityManager,
  { id, headers }: Pick<WholeLetter, 'id' | 'headers'>,
  edited: Buffer,
  { diff, by }: { readonly diff: readonly Change[]; readonly by: string },
): Promise<void> {
  await mustBeOpen(tx, id);
  const digest = digestOf({ headers, body: edited });
  const [other] = await tx.query<object[]>('select from dead_letter where digest = $1 and id <> $2', [digest, id]);
  if (other) throw new WrongBody('another dead letter has this body and the same headers');
  await tx.query(
    `update dead_letter set original_body = coalesce(original_body, body), body = $2, digest = $3 where id = $1`,
    [id, edited, digest],
  );
  await tx.query(`insert into dead_letter_audit (letter_id, action, by_whom, diff) values ($1, 'edit', $2, $3)`, [
    id,
    by,
    JSON.stringify(diff),
  ]);
}

/** Closes an open letter for good. @throws LetterNotOpen */
export async function discard(
  tx: EntityManager,
  id: string,
  { reason, by }: { readonly reason: string; readonly by: string },
): Promise<void> {
  await mustBeOpen(tx, id);
  await tx.query(`update dead_letter set state = 'discarded', closed_at = now() where id = $1`, [id]);
  await tx.query(`insert into dead_letter_audit (letter_id, action, by_whom, reason) values ($1, 'discard', $2, $3)`, [
    id,
    by,
    reason,
  ]);
}

/** What bytes are as JSON; else the text. */
export function jsonOf(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

async function mustBeOpen(tx: EntityManager, id: string): Promise<void> {
  const [row]: { state: string }[] = await tx.query('select state from dead_letter where id = $1 for update', [id]);
  if (row?.state !== 'open') throw new LetterNotOpen(id, row?.state ?? 'unknown');
}
