import { Socket } from 'node:net';
import { Client, type QueryResultRow } from 'pg';

/** The connection is gone, or no answer came in time; whether the statement took effect is unknown. */
export class SessionLost extends Error {
  override readonly name = 'SessionLost';
}

export interface SessionSettings {
  readonly url: string;
  readonly answerTimeoutMs: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Server variables that hold for this session. */
  readonly variables?: Readonly<Record<string, string | number>>;
}

/** A statement the server plans once per session. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** One connection on which no statement waits without bound. One statement at a time. */
export class Session {
  private readonly client: Client;
  private readonly socket = new Socket();
  private lost: SessionLost | undefined;

  private constructor(private readonly settings: SessionSettings) {
    const { url, answerTimeoutMs, applicationName, variables = {} } = settings;
    const all = { statement_timeout: Math.ceil(answerTimeoutMs * 0.8), ...variables };
    this.client = new Client({
      connectionString: url,
      application_name: applicationName,
      connectionTimeoutMillis: Math.min(answerTimeoutMs, 5_000),
      options: Object.entries(all)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(' '),
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      stream: () => this.socket,
    });
    this.client.on('error', (error) => this.fail(error));
    this.client.on('end', () => this.fail(new Error('the connection was closed')));
  }

  /** Rejects with the reason when the server is out of reach, within bounded time. */
  static async open(settings: SessionSettings): Promise<Session> {
    const session = new Session(settings);
    try {
      await session.client.connect();
      return session;
    } catch (error) {
      session.fail(error as Error);
      throw error;
    }
  }

  get isLost(): boolean {
    return this.lost !== undefined;
  }

  /** @throws SessionLost when the connection is gone or the answer late; DatabaseError when the server refuses the statement */
  async query<Row extends QueryResultRow>(
    statement: string | Statement,
    values: unknown[] = [],
  ): Promise<readonly Row[]> {
    if (this.lost) throw this.lost;
    const { answerTimeoutMs } = this.settings;
    const late = () => this.fail(new Error(`PostgreSQL gave no answer within ${answerTimeoutMs} ms`));
    const timer = setTimeout(late, answerTimeoutMs);
    const query = typeof statement === 'string' ? { text: statement, values } : { ...statement, values };
    try {
      return (await this.client.query<Row>(query)).rows;
    } catch (error) {
      throw this.lost ?? error;
    } finally {
      clearTimeout(timer);
    }
  }

  onNotification(tell: (channel: string, payload: string) => void): void {
    this.client.on('notification', ({ channel, payload = '' }) => tell(channel, payload));
  }

  /** In order if the server answers, and in any case at once. */
  async end(): Promise<void> {
    if (this.lost) return;
    const timer = setTimeout(() => this.socket.destroy(), 1_000);
    await this.client.end().catch(() => {});
    clearTimeout(timer);
    this.fail(new Error('the connection was closed'));
  }

  private fail(reason: Error): void {
    if (this.lost) return;
    this.lost = new SessionLost(reason.message, { cause: reason });
    this.socket.destroy();
  }
}
