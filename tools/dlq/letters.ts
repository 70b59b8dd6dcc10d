import { request, type Addressee } from '../ops.js';

/** What `/ops/dead-letters` answers; see /docs of a service. */
export interface Letter {
  readonly id: string;
  readonly state: string;
  readonly type: string | null;
  readonly key: string | null;
  readonly reason: string;
  readonly group: string;
  readonly attempts: number;
  readonly timesSeen: number;
  readonly error: string;
  readonly firstAt: string;
  readonly lastAt: string;
}

export interface Group {
  readonly group: string;
  readonly count: number;
  readonly type: string | null;
  readonly reason: string;
  readonly error: string;
  readonly sampleId: string;
  readonly firstAt: string;
  readonly lastAt: string;
}

interface KeptError {
  readonly message: string;
  readonly stack?: readonly string[];
}

type Bytes = { readonly json: unknown } | { readonly text: string } | { readonly base64: string };

export interface WholeLetter extends Letter {
  readonly messageId: string | null;
  readonly origin: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Bytes;
  readonly originalBody?: Bytes;
  readonly firstError: KeptError;
  readonly lastError: KeptError;
  readonly audit: readonly {
    readonly action: string;
    readonly at: string;
    readonly by: string;
    readonly reason: string | null;
    readonly diff: readonly Change[] | null;
    readonly replayId: string | null;
  }[];
}

export interface Change {
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export interface Replay {
  readonly id: string;
  readonly state: string;
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly underWay: number;
}

export interface Filter {
  readonly type?: string;
  readonly key?: string;
  readonly group?: string;
  readonly from?: Date;
  readonly to?: Date;
}

/** The options by which fields of requests are known on the command line. */
const OPTIONS: Readonly<Record<string, string>> = {
  ratePerSecond: '--rate',
  body: '--body',
  reason: '--reason',
  limit: '--limit',
  state: '--state',
  id: 'the id',
};

/** A service's dead letters, over its `/ops`. All reject with NotDone. */
export class Letters {
  constructor(
    private readonly to: Addressee,
    private readonly by: string,
  ) {}

  /** The newest first, as many as wanted. */
  async list(filter: Filter, { state, limit }: { state: string; limit: number }): Promise<Letter[]> {
    const found: Letter[] = [];
    let cursor: string | undefined;
    do {
      const query = { ...filter, state, limit: Math.min(200, limit - found.length), cursor };
      const page = await this.get<{ letters: Letter[]; cursor?: string }>('', query);
      found.push(...page.letters);
      cursor = page.cursor;
    } while (cursor !== undefined && found.length < limit);
    return found;
  }

  async groups(filter: Filter): Promise<readonly Group[]> {
    return (await this.get<{ groups: Group[] }>('/groups', { ...filter })).groups;
  }

  show(id: string): Promise<WholeLetter> {
    return this.get(`/${id}`);
  }

  async replayOne(id: string): Promise<Replay> {
    return (await this.post<{ replay: Replay }>(`/${id}/replay`, {})).replay;
  }

  replay(filter: Filter, ratePerSecond: number, canary: boolean): Promise<Replay> {
    return this.post('/replays', { filter, ratePerSecond, canary });
  }

  /** Where the letter and the body differ; nothing is changed. */
  async tryBody(id: string, body: unknown): Promise<readonly Change[]> {
    return (await this.post<{ diff: Change[] }>(`/${id}/edit`, { body, dryRun: true })).diff;
  }

  async edit(id: string, body: unknown): Promise<Replay> {
    return (await this.post<{ replay: Replay }>(`/${id}/edit`, { body })).replay;
  }

  discard(id: string, reason: string): Promise<Letter> {
    return this.post(`/${id}/discard`, { reason });
  }

  progress(replayId: string): Promise<Replay> {
    return this.get(`/replays/${replayId}`);
  }

  stop(replayId: string): Promise<Replay> {
    return this.post(`/replays/${replayId}/stop`, {});
  }

  private get<T>(path: string, query: Query = {}): Promise<T> {
    const whole = `/ops/dead-letters${path}?${queryOf({ service: this.to.service, ...query })}`;
    return request<T>(this.to, { method: 'GET', path: whole, options: OPTIONS });
  }

  private post<T>(path: string, body: object): Promise<T> {
    const whole = { service: this.to.service, by: this.by, ...body };
    return request<T>(this.to, { method: 'POST', path: `/ops/dead-letters${path}`, body: whole, options: OPTIONS });
  }
}

type Query = Readonly<Record<string, string | number | Date | undefined>>;

function queryOf(values: Query): string {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  const texts = given.map(([name, value]): [string, string] => [
    name,
    value instanceof Date ? value.toISOString() : String(value),
  ]);
  return new URLSearchParams(texts).toString();
}
