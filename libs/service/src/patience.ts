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

/** Asks for the same thing again and again: `soon` each time, and not beside a question that has no answer yet. */
export function look<T>(ask: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined;
  return () => soon((underWay ??= ask().finally(() => (underWay = undefined))));
}
