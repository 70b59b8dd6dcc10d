import { connect, type ChannelModel } from 'amqplib';
import type { Duplex } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { Backoff, gatherWrites, type TransportLog } from '#libs/messaging';
import { RabbitRefused, explained } from './refusals.js';
import { connectArguments, placeOf, type Settings } from './settings.js';

/** A connection that comes back: whoever finds theirs gone asks for the next one. */
export class Link {
  readonly place: string;
  /** Why there is no connection at the moment. */
  problem: Error | undefined;
  private current: ChannelModel | undefined;
  private coming: Promise<ChannelModel> | undefined;
  private wasUp = false;
  private readonly ending = new AbortController();
  private readonly backoff = new Backoff(100, 5_000);

  constructor(
    private readonly settings: Settings,
    private readonly name: string,
    private readonly log: TransportLog,
    /** Run on each new connection before anyone gets it. */
    private readonly prepare: (connection: ChannelModel) => Promise<void>,
  ) {
    this.place = placeOf(settings);
  }

  /**
   * The connection, or the next one as soon as there is one.
   * Rejects when the link was closed, and with RabbitRefused as long as it never was up.
   */
  connection(): Promise<ChannelModel> {
    if (this.current && !this.ending.signal.aborted) return Promise.resolve(this.current);
    this.coming ??= this.establish().finally(() => (this.coming = undefined));
    return this.coming;
  }

  isUp(connection: ChannelModel): boolean {
    return this.current === connection;
  }

  /** Gives the connection up without a word to the broker, which finds it broken. */
  drop(why: string): void {
    if (this.current) cut(this.current, new Error(why));
  }

  /** Ends in order; what the broker does not answer within two seconds is cut. */
  async close(): Promise<void> {
    this.ending.abort();
    const { current } = this;
    if (!current) return;
    await Promise.race([current.close().catch(() => {}), pause(2_000, undefined, { ref: false })]);
    cut(current, new Error('closed'));
  }

  /** Ends at once, as a killed process would. */
  abort(): void {
    this.ending.abort();
    this.drop('aborted');
  }

  private async establish(): Promise<ChannelModel> {
    while (!this.ending.signal.aborted) {
      try {
        return await this.attempt();
      } catch (error) {
        this.note(explained(error, this.place));
        if (this.problem instanceof RabbitRefused && !this.wasUp) throw this.problem;
      }
      await this.backoff.pause(this.ending.signal);
    }
    throw new Error(`the connection to RabbitMQ at ${this.place} was closed`);
  }

  private async attempt(): Promise<ChannelModel> {
    const connection = await connect(...(await connectArguments(this.settings, this.name)));
    gatherWrites(streamOf(connection));
    let failure: Error | undefined;
    connection.on('error', (error) => (failure = error));
    connection.on('close', (error) => this.lost(connection, failure ?? error));
    try {
      await this.prepare(connection);
      // The broker names what it closes a connection for in an event, and fails the calls with something vaguer.
      if (failure) throw failure;
      if (this.ending.signal.aborted) throw new Error('closed meanwhile');
    } catch (error) {
      await new Promise((resume) => setImmediate(resume));
      cut(connection, new Error('not prepared'));
      throw failure ?? error;
    }
    this.current = connection;
    this.log.info(
      { event: 'broker_connected', broker: this.place },
      `${this.wasUp ? 'connected again' : 'connected'} to RabbitMQ at ${this.place}`,
    );
    this.wasUp = true;
    this.problem = undefined;
    this.backoff.reset();
    return connection;
  }

  private lost(connection: ChannelModel, error: Error | undefined): void {
    // amqplib leaves the socket half open after a missed heartbeat.
    cut(connection, new Error('closed'));
    if (this.current !== connection) return;
    this.current = undefined;
    if (!this.ending.signal.aborted) this.note(error ?? new Error('the connection was closed'));
  }

  /** One line for each change, however often it is tried. */
  private note(problem: Error): void {
    const isNew = this.problem?.message !== problem.message;
    this.problem = problem;
    if (!isNew || this.ending.signal.aborted) return;
    const fields = { event: 'broker_unreachable', broker: this.place, error: problem.message };
    if (problem instanceof RabbitRefused) this.log.error(fields, problem.message);
    else this.log.warn(fields, `RabbitMQ at ${this.place} is out of reach (${problem.message}); trying again`);
  }
}

/** amqplib has no way to end a connection that does not answer. An error, since it only listens to those and to the other end. */
function cut(connection: ChannelModel, why: Error): void {
  const stream = streamOf(connection);
  if (!stream.destroyed) stream.destroy(why);
}

function streamOf(connection: ChannelModel): Duplex {
  return (connection.connection as unknown as { stream: Duplex }).stream;
}
