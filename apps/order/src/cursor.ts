import { parse, stringify } from 'uuid';

/** Where a page of a list ends, as text that says nothing to a client. */
export function cursorAfter(orderId: string): string {
  return Buffer.from(parse(orderId)).toString('base64url');
}

/** The order that a cursor stands for; undefined when it is none of ours. */
export function orderIdIn(cursor: string): string | undefined {
  const bytes = Buffer.from(cursor, 'base64url');
  if (bytes.length !== 16 || bytes.toString('base64url') !== cursor) return undefined;
  try {
    return stringify(bytes);
  } catch {
    return undefined;
  }
}
