/** Characters of an error that are kept, at most. */
const MOST = 8_000;
/** Of a chain of causes. */
const MOST_CAUSES = 3;
const FRAME = /^\s+at /;

/** An error as it is kept. */
export interface KeptError {
  /** `Name: message` */
  readonly message: string;
  /** The frames, and what caused it; absent where it was no error that was thrown. */
  readonly stack?: string;
}

/** An error in words that can be stored and taken apart by `keptError`: name, message, frames, and what caused it. */
export function errorText(error: unknown): string {
  const text = causes(error)
    .map((one, depth) => (depth === 0 ? withFrames(one) : `    at caused by ${withFrames(one)}`))
    .join('\n');
  // PostgreSQL stores no NUL.
  return text.replaceAll('\0', '').slice(0, MOST);
}

export function keptError(text: string): KeptError {
  const end = text.search(/\n\s+at /);
  if (end < 0) return { message: text };
  return { message: text.slice(0, end), stack: text.slice(end + 1) };
}

function causes(error: unknown): unknown[] {
  const chain = [error];
  while (chain.length < MOST_CAUSES && chain.at(-1) instanceof Error && (chain.at(-1) as Error).cause !== undefined)
    chain.push((chain.at(-1) as Error).cause);
  return chain;
}

/** The head of `stack` is of the time when the error was made, often before it had its name. */
function withFrames(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frames = (error.stack ?? '').split('\n').filter((line) => FRAME.test(line));
  return [`${error.name}: ${error.message}`, ...frames].join('\n');
}
