const PATIENCE_MS = 10_000;

/** Nobody answered, or not whole, or not in time. */
export class Unanswered extends Error {
  override readonly name = 'Unanswered';
  constructor(
    origin: string,
    /** In a word or two. */
    readonly why: string,
    cause: unknown,
  ) {
    super(`nobody answers at ${origin} (${why})`, { cause });
  }
}

export interface Answer {
  readonly status: number;
  /** As parsed; undefined where it is no JSON. */
  readonly body: unknown;
}

/** Asks for what is at a URL; whatever the status, it is an answer. @throws Unanswered, after 10 s at the latest */
export async function ask(url: string): Promise<Answer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    return { status: response.status, body: parse(await response.text()) };
  } catch (error) {
    const { message, cause } = error as Error & { readonly cause?: NodeJS.ErrnoException };
    throw new Unanswered(new URL(url).origin, cause?.code || cause?.message || message, error);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
