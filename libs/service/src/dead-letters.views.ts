import type { LetterLine, WholeLetter } from '#libs/inbox';

/** One of a list. */
export function lineOf({ firstAt, lastAt, ...line }: LetterLine): object {
  return { ...line, firstAt: firstAt.toISOString(), lastAt: lastAt.toISOString() };
}

/** All that is known of one. */
export function wholeOf(letter: WholeLetter): object {
  const { body, originalBody, error, firstError, firstStack, lastStack, headers, audit, origin, replayId, ...line } =
    letter;
  return {
    ...lineOf({ ...line, error }),
    origin,
    replayId,
    headers,
    body: readable(body),
    ...(originalBody ? { originalBody: readable(originalBody) } : {}),
    firstError: errorOf(firstError, firstStack),
    lastError: errorOf(error, lastStack),
    audit,
  };
}

function errorOf(message: string, stack: string | null): object {
  return stack === null ? { message } : { message, stack: stack.split('\n').map((line) => line.trim()) };
}

/** Bytes as what they are: JSON, or else text, or else base64. */
function readable(bytes: Buffer): object {
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) return { base64: bytes.toString('base64') };
  try {
    return { json: JSON.parse(text) as unknown };
  } catch {
    return { text };
  }
}
