export interface Entry {
  readonly at: Date;
  readonly what: string;
  readonly failure: string | undefined;
  readonly tookMs: number;
}

/** What was done to a system, and when. */
export class Timeline {
  private readonly entries: Entry[] = [];

  constructor(private readonly tell: (line: string) => void) {}

  /** Notes how it went once it is over. Resolves in any case: with what went wrong, if anything did. */
  async note(what: string, work: () => Promise<unknown>): Promise<string | undefined> {
    const at = new Date();
    const failure = await work().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const entry = { at, what, failure, tookMs: Date.now() - at.getTime() };
    this.entries.push(entry);
    this.tell(lineOf(entry));
    return failure;
  }

  /** In the order in which they began. Times are UTC, as in the services' logs. */
  get lines(): readonly string[] {
    return this.entries.toSorted((a, b) => a.at.getTime() - b.at.getTime()).map(lineOf);
  }
}

function lineOf({ at, what, failure, tookMs }: Entry): string {
  const over = `over after ${(tookMs / 1000).toFixed(1)} s`;
  return `  ${at.toISOString().slice(11, 23)}  ${what}: ${over}${failure === undefined ? '' : `, FAILED: ${failure}`}`;
}
