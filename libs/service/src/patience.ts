/** How long somebody who only looks waits for an answer. */
const PATIENCE_MS = 2_000;

/** As `asked`, or rejects after `PATIENCE_MS`; what was asked for goes on. */
export async function soon<T>(asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

/**
 * Asks for the same thing again and again: `soon` each time, and not beside a question that has no answer yet.
 * An answer that came too late is told to whoever asks next, once.
 */
export function look<T>(ask: () => Promise<T>): () => Promise<T> {
  let asked: Promise<T> | undefined;
  const forget = () => (asked = undefined);
  return async () => {
    if (!asked) (asked = ask()).catch(forget);
    const answer = await soon(asked);
    forget();
    return answer;
  };
}
