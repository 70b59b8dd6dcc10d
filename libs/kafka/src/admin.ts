import type { Admin } from 'kafkajs';
import type { TransportLog } from '#libs/messaging';
import { Client } from './client.js';
import type { ResolvedSettings } from './settings.js';
import { within } from './waiting.js';

/** One connection for questions, kept open between them and replaced after one that failed. */
export class AdminConnection {
  private current: { client: Client; admin: Admin; connected: Promise<void> } | undefined;
  private closed = false;

  constructor(
    private readonly settings: ResolvedSettings,
    private readonly instance: string,
    private readonly log: TransportLog,
  ) {}

  /** @throws Error with the reason in one line, within the time */
  async ask<T>(question: (admin: Admin) => Promise<T>, withinMs = 10_000): Promise<T> {
    if (this.closed) throw new Error('the transport is closed');
    const connection = (this.current ??= this.open());
    try {
      const answer = connection.connected.then(() => question(connection.admin));
      return await within(withinMs, answer, 'an answer of Kafka');
    } catch (error) {
      this.drop(connection);
      throw new Error(connection.client.reason(error), { cause: error });
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    const connection = this.current;
    this.current = undefined;
    await connection?.client.end(() => connection.admin.disconnect());
  }

  /** As the end of the process would. */
  abort(): void {
    this.closed = true;
    this.current?.client.connections.cut();
  }

  private open() {
    const client = new Client(this.settings, this.instance, this.log);
    const admin = client.kafka.admin({ retry: { retries: 2 } });
    const connected = admin.connect();
    connected.catch(() => {});
    return { client, admin, connected };
  }

  private drop(connection: { client: Client }): void {
    connection.client.connections.cut();
    if (this.current === connection) this.current = undefined;
  }
}
